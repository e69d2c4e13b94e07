// Numbers as people say them; the same words as the filters of the templates.

/** @param {number} count bytes */
export const inBytes = (count) => {
  if (count < 1024) return `${count} byte${count === 1 ? "" : "s"}`;
  const power = Math.min(4, Math.floor(Math.log(count) / Math.log(1024)));
  const size = count / 1024 ** power;
  return `${size < 10 ? size.toFixed(1) : Math.round(size).toLocaleString("en")} ${["KiB", "MiB", "GiB", "TiB"][power - 1]}`;
};

/** @param {number} seconds */
export const duration = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10 && whole % 60) return `${minutes} min ${whole % 60} s`;
  if (minutes < 60) return `${Math.round(whole / 60)} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
