// What other formats take for a picture that is as close to the photo, by the encoders that the browser has.

// Red, green and blue; infinite if nothing differs.
export function psnr(a, b) {
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    for (let c = 0; c < 3; ++c) sum += (a.data[i + c] - b.data[i + c]) ** 2;
  }
  return 10 * Math.log10(255 ** 2 * 0.75 * a.data.length / sum);
}

function canvasOf(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext('2d').putImageData(new ImageData(picture.data, picture.width), 0, 0);
  return canvas;
}
// The pixels of a picture file, in sRGB; `bitmap` is a Blob or what else createImageBitmap() takes.
export async function pixelsOf(source) {
  const bitmap = await createImageBitmap(source, { premultiplyAlpha: 'none', colorSpaceConversion: 'default' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

const kSteps = 7;  // qualities are told apart by 1/128

// The smallest file of a type, such as "image/jpeg", that is `wanted` dB close to the photo at least: {type, bytes, psnr,
// picture}; the closest that there is, if none is so close. Undefined if the browser does not write the type.
export async function matched(photo, type, wanted) {
  const canvas = canvasOf(photo);
  const attempt = async (quality) => {
    const blob = await canvas.convertToBlob({ type, quality });
    if (blob.type !== type) return undefined;
    const picture = await pixelsOf(blob);
    return { type, bytes: blob.size, psnr: psnr(photo, picture), picture };
  };
  let best = await attempt(1);
  if (best === undefined || best.psnr < wanted) return best;
  let [low, high] = [0, 1];
  for (let step = 0; step < kSteps; ++step) {
    const middle = (low + high) / 2;
    const tried = await attempt(middle);
    if (tried.psnr < wanted) {
      low = middle;
    } else {
      high = middle;
      if (tried.bytes < best.bytes) best = tried;
    }
  }
  return best;
}
