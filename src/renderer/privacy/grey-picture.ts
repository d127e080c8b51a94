// Grey values of the station as a picture that an <img> shows.

/** A data URL of the picture. @param grey row-major [height, width] in Base64 */
export function greyPicture(
  grey: string,
  { height, width }: { readonly height: number; readonly width: number },
): string {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) return '';
  const image = context.createImageData(width, height);
  const values = atob(grey);
  for (let place = 0; place < width * height; place += 1) {
    const value = values.charCodeAt(place);
    image.data.set([value, value, value, 255], place * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
