// Objects that models of ImagiQ made of images (segmentations, reports, captures): they lie beside the images, and are neither
// images to train on nor labels to learn from.

/** Manufacturer (0008,0070) of all of them, wherever they were made. */
export const modelManufacturer = 'ImagiQ';
