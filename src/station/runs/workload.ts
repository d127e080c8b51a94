// The bench's workloads as the command line starts them; they live with the trainer.
export { runWorkload } from '../../trainer/client.ts';
