// A photo becomes a .cmps file: in a worker, which ends with it.
import { CompassError } from './compass.mjs';
import { ModelSource } from './model_source.mjs';
import { createWorkerDecoder } from './worker_decoder.mjs';

// A file of these pixels, {width, height, data}; `model` is an address as model_source.mjs has it.
export async function encodePhoto(pixels, model, options) {
  const bytes = await new ModelSource(model).encoder().catch((error) => {
    throw error.message.includes('encoder.json: 404') ? new CompassError('usage', 'this site has no encoder, but `compass view` has') : error;
  });
  const encoder = await createWorkerDecoder({ wasm: new URL('compass-encoder.wasm.gz', import.meta.url), model: bytes });
  try {
    return await encoder.encode(pixels, options);
  } finally {
    encoder.close();
  }
}
