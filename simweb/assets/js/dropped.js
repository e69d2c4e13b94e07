// What a person dropped or chose, as deliveries: each archive one, each folder one, loose files together one.

const ARCHIVE = /\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$/i;

const archive = (file) => ({ kind: "archive", name: file.name, bytes: file.size, file, suggested: file.name.replace(ARCHIVE, "") });

const folder = (name, files) => ({
  kind: "folder",
  name,
  bytes: files.reduce((sum, { file }) => sum + file.size, 0),
  files,
  suggested: name,
});

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** All entries of a directory; readEntries gives them in pieces and ends with an empty one. */
const entriesOf = async (directory) => {
  const reader = directory.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
};

const walk = async (directory, prefix, onCount) => {
  const files = [];
  for (const entry of await entriesOf(directory)) {
    if (entry.isDirectory) files.push(...(await walk(entry, `${prefix}${entry.name}/`, onCount)));
    else {
      files.push({ path: prefix + entry.name, file: await fileOf(entry) });
      onCount();
    }
  }
  return files;
};

const sorted = (files) => files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));

const deliveries = (files, folders = []) => {
  const loose = files.filter((file) => !ARCHIVE.test(file.name)).map((file) => ({ path: file.name, file }));
  const found = files.filter((file) => ARCHIVE.test(file.name)).map(archive);
  if (loose.length) found.push({ ...folder(loose.length === 1 ? loose[0].path : `${loose.length} files`, sorted(loose)), suggested: "" });
  return [...found, ...folders];
};

/**
 * Deliveries of a drop. Must be called while the event is handled: later the browser forgets what was dropped.
 *
 * @param {DataTransfer} transfer
 * @param {(count: number) => void} onCount is told how many files have been found in folders so far
 */
export const fromDrop = async (transfer, onCount) => {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
  const files = entries.filter(([entry]) => !entry?.isDirectory).map(([, file]) => file).filter(Boolean);
  let count = 0;
  const folders = [];
  for (const [entry] of entries)
    if (entry?.isDirectory) folders.push(folder(entry.name, sorted(await walk(entry, "", () => onCount((count += 1))))));
  return deliveries(files, folders);
};

/** Deliveries of a file picker for archives. */
export const fromFiles = (list) => deliveries([...list]);

/** The delivery of a folder picker. */
export const fromFolder = (list) => {
  const files = [...list];
  if (!files.length) return [];
  const name = files[0].webkitRelativePath.split("/")[0] || "folder";
  return [folder(name, sorted(files.map((file) => ({ path: file.webkitRelativePath.split("/").slice(1).join("/") || file.name, file }))))];
};
