// The station's files are written as those of every process.
export { writeFileDurably } from '../../disk/durable-file.ts';
