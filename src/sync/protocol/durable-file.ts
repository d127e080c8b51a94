// The federation's files are written as those of every process.
export { makeFolder } from '../../disk/make-folder.ts';
export { folderSynced, syncFolder, writeFileDurably } from '../../disk/durable-file.ts';
