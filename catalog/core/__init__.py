"""Reading what people bring, without Django: archives, layouts, labels, images."""
