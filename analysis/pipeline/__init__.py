"""The stages, where database and arithmetic meet. A stage never imports another stage; tasks know their order."""
