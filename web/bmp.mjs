// A picture as a file that every browser reads, fast: an uncompressed bitmap with alpha (BITMAPV5HEADER, sRGB).
const kHeader = 14, kInfo = 124;

export function bmpOf({ width, height, data }) {
  const bytes = new Uint8Array(kHeader + kInfo + data.length);
  const view = new DataView(bytes.buffer);
  const put = (at, ...numbers) => numbers.forEach((number, i) => view.setInt32(at + 4 * i, number, true));
  bytes.set([0x42, 0x4d]);
  put(2, bytes.length, 0, kHeader + kInfo);
  put(kHeader, kInfo, width, -height);                    // rows from the top
  view.setUint16(kHeader + 12, 1, true);                  // planes
  view.setUint16(kHeader + 14, 32, true);                 // bits a pixel
  put(kHeader + 16, 3, data.length, 2835, 2835, 0, 0);    // by masks; 72 dpi
  put(kHeader + 40, 0xff, 0xff00, 0xff0000, 0xff000000, 0x73524742);  // red, green, blue, alpha; 'sRGB'
  put(kHeader + 108, 4);                                  // for pictures
  bytes.set(data, kHeader + kInfo);
  return new Blob([bytes], { type: 'image/bmp' });
}
