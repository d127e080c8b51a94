// The station's files are written as those of every process.
export { makeFolder } from '../../disk/make-folder.ts';
export { syncFolder, writeFileDurably } from '../../disk/durable-file.ts';
