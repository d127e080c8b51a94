/** The kind of data under which a series is dragged from the strip into a viewport: its UID. */
export const draggedSeries = 'application/x-imagiq-series';
