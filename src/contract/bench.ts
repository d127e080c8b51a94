/** What `imagiq bench train` measures: the workloads of the PyTorch reference, a network and its image size each. */
export const workloadNames = ['cnn-64', 'resnet18-128', 'unet-128'] as const;
export type Workload = (typeof workloadNames)[number];
