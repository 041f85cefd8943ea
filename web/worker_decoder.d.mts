import type { DecodeOptions, DecoderOptions, EncodeOptions, Info, Picture } from './compass.mjs';

export interface Priority {
  /** Of the calls that wait, the one with the lowest is next. */
  priority?: number;
}

/** As in compass.mjs, with promises. */
export interface WorkerReader {
  push(bytes: Uint8Array, offset: number): Promise<void>;
  end(): Promise<void>;
  info(): Promise<Info>;
  select(options?: DecodeOptions): Promise<void>;
  ranges(options?: DecodeOptions): Promise<{ offset: number; size: number }[]>;
  ready(): Promise<number>;
  next(options?: { skip?: boolean }, priority?: Priority): Promise<Picture | null>;
  close(): Promise<void>;
}

/** As in compass.mjs, with promises. */
export class WorkerDecoder {
  useModel(bytes: Uint8Array): Promise<void>;
  about(): Promise<{ version: string; modelName?: string; decoderId?: string; memory: number }>;
  info(bytes: Uint8Array): Promise<Info>;
  decode(bytes: Uint8Array, options?: DecodeOptions, priority?: Priority): Promise<Picture>;
  encode(picture: { width: number; height: number; data: Uint8Array | Uint8ClampedArray }, options?: EncodeOptions, priority?: Priority): Promise<Uint8Array>;
  open(priority?: Priority): Promise<WorkerReader>;
  /** Ends the thread; calls that wait fail. */
  close(): void;
}

export interface WorkerDecoderOptions extends DecoderOptions {
  /** `worker.mjs` beside this module unless given. */
  worker?: URL | string;
}

export function createWorkerDecoder(options?: WorkerDecoderOptions): Promise<WorkerDecoder>;
