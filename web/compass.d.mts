/** Kinds of failure, those of the C interface (compass.h). With `need`, more of the file must come first. */
export type Status = 'failure' | 'usage' | 'bad-file' | 'damaged' | 'model' | 'io' | 'need' | 'cancelled';

/** What every function here throws. */
export class CompassError extends Error {
  readonly status: Status;
  /** With `need`: how many of the file's first bytes would do. */
  readonly need?: number;
}

export interface Kinds {
  alpha: boolean;
  grey: boolean;
  /** The original's samples have more than 8 bits; pixels here have 8. */
  deep: boolean;
  /** Pixels are in the colour space of the file's profile, and not in sRGB. */
  ownColours: boolean;
}

export interface LayerInfo {
  width: number;
  height: number;
  /** 0 to 100. */
  quality: number;
  /** Where its own bytes begin. */
  offset: number;
  /** The file's first `end` bytes are all that this layer and those below it need. */
  end: number;
}

export interface Info extends Kinds {
  /** The model that decodes the file has the same. */
  decoderId: string;
  minorVersion: number;
  /** Smallest first. */
  layers: LayerInfo[];
}

export interface Size {
  width: number;
  height: number;
}

export interface Region extends Size {
  x: number;
  y: number;
}

export interface DecodeOptions {
  /** 0 is the smallest. Unless given: the largest, or what `size` asks for. */
  layer?: number;
  /** Exactly this size, whatever the layers are. */
  size?: Size;
  /** Only this part of the layer; not together with `size`. */
  region?: Region;
  /** Damage is an error, and no smaller layer is decoded instead. */
  strict?: boolean;
}

/** Pixels as ImageData has them: `new ImageData(picture.data, picture.width)` makes one. */
export interface Picture extends Kinds {
  width: number;
  height: number;
  /** Red, green, blue, alpha, rows from the top, colours not multiplied by alpha. */
  data: Uint8ClampedArray;
  /** The layer it was made from. */
  layer: number;
  /** Where it lies in that layer: 0, 0 unless a region was asked for. */
  x: number;
  y: number;
  /** A reader gives no more after it. */
  isLast: boolean;
  /** What was lost, if the file is damaged: the picture is smaller, or as predicted from a smaller one in places. */
  damage?: string;
}

export interface EncodeOptions {
  /** 0 to 100; 50 unless given. */
  quality?: number;
  /** Rounds of search for fewer bits, 0 to 40; 2 unless given, and 0 for large pictures. */
  effort?: number;
  /** Smallest first; the last has the picture's size. A quarter, a half and all of it unless given. */
  layers?: Size[];
}

/** Bytes, a response, or a URL; in Node a path, too. */
export type Source = ArrayBuffer | ArrayBufferView | Response | URL | string;

export interface DecoderOptions {
  /** `compass.wasm` beside this module unless given; `compass-encoder.wasm` encodes, too. May be compressed by gzip. */
  wasm?: WebAssembly.Module | Source;
  /** A model file, which may be compressed by gzip. Without it there is info(), until useModel() is called. */
  model?: Source;
  /** A picture with more is refused; 400 million unless given. */
  maxPixels?: number;
  /** Bytes to keep to, roughly; at most 1.75e9. */
  maxMemory?: number;
}

/** The file on its way: push bytes in any order, take layers as they come. To be closed. */
export interface Reader {
  push(bytes: Uint8Array, offset: number): void;
  /** No more bytes will come: what is missing counts as damage. */
  end(): void;
  info(): Info;
  /** What is wanted, from the smallest layer on again; unless called: all layers, whole. */
  select(options?: DecodeOptions): void;
  /** Which bytes that takes beside the header. */
  ranges(options?: DecodeOptions): { offset: number; size: number }[];
  /** The layer that next() would give now; -1 if none. */
  readonly ready: number;
  /** The next layer; null if there is none, or not yet. One that is skipped has no `data`. */
  next(options?: { skip?: boolean }): Picture | null;
  close(): void;
}

/** One model, one picture at a time; after any error it can be used again. */
export class Decoder {
  readonly version: string;
  readonly hasModel: boolean;
  readonly modelName?: string;
  /** Files that have it are decoded by this decoder. */
  readonly decoderId?: string;
  /** Bytes of WebAssembly memory; grows with the largest picture, and stays. */
  readonly memory: number;
  /** The bytes are kept. */
  useModel(bytes: Uint8Array): void;
  /** From a file's first bytes: a kilobyte is usually enough, else the error's `need` says how many are. */
  info(bytes: Uint8Array): Info;
  /** From a file's first bytes: those up to the wanted layer's end are enough. */
  decode(bytes: Uint8Array, options?: DecodeOptions): Picture;
  /** Whether its module is compass-encoder.wasm. */
  readonly canEncode: boolean;
  /** A .cmps file of a picture in sRGB. Takes a whole model. */
  encode(picture: { width: number; height: number; data: Uint8Array | Uint8ClampedArray }, options?: EncodeOptions): Uint8Array;
  open(): Reader;
}

export function createDecoder(options?: DecoderOptions): Promise<Decoder>;
export function bytesOf(source: Source): Promise<Uint8Array>;
