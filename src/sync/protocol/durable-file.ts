// The federation's files are written as those of every process.
export { folderSynced, syncFolder, writeFileDurably } from '../../disk/durable-file.ts';
