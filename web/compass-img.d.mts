import type { CompassError, LayerInfo } from './compass.mjs';

export interface Settings {
  /**
   * URL of the model that pictures without a `model` attribute are decoded with: a file or, if it ends with a slash, the
   * folder that `compass publish` makes of one; `model/` beside the module unless given.
   */
  model?: string;
  /** URL of compass.wasm or compass.wasm.gz; the latter, beside the module, unless given. */
  wasm?: string;
  /** Threads that decode; 2 where there are four cores, else 1. */
  workers?: number;
}

/** For pictures that come after it. */
export function configure(settings: Settings): void;

/** Events: `layer` when a layer is drawn, `load` when the one that suits is, `error` if none can be. */
export interface CompassImage extends HTMLElement {
  src: string;
  alt: string;
  /** 0 before the header is there. */
  readonly naturalWidth: number;
  readonly naturalHeight: number;
  /** The layer that is drawn; -1 for none. */
  readonly layer: number;
  readonly layers: LayerInfo[];
  /** What was lost, if the file is damaged. */
  readonly damage?: string;
  /** Bytes of the file that were asked for. */
  readonly bytesRequested: number;
  readonly canvas: HTMLCanvasElement;
}

export interface CompassErrorEvent extends Event {
  readonly error: CompassError;
}

declare global {
  interface HTMLElementTagNameMap {
    'compass-img': CompassImage;
  }
}
