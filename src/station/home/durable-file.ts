// The station's files are written as those of every process.
export { syncFolder, writeFileDurably } from '../../disk/durable-file.ts';
