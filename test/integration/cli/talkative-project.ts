// A project whose updates give images away: what a coordinator without an eye for privacy might propose.
export const talkativeProject = {
  id: 'talkative',
  title: 'Findings on chest CT, one image a step',
  classes: ['effusion', 'nodule', 'normal', 'pneumothorax'],
  network: {
    name: 'dense-64',
    description: 'One hidden dense layer',
    input: { height: 64, width: 64, channels: 1 },
    layers: [
      { op: 'dense', id: 'hidden', input: 'input', units: 8 },
      { op: 'sigmoid', id: 'curve', input: 'hidden' },
      { op: 'dense', id: 'logits', input: 'curve', units: 'classes' },
    ],
    output: 'logits',
  },
  hyperParameters: { epochs: 1, batchSize: 1 },
  trunkRule: { bufferSize: 1 },
  peerModels: false,
  commits: 1,
  seed: 7,
};
