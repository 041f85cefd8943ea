// The decoders that a page's pictures share: workers with one model, started when they are needed.
import { CompassError } from './compass.mjs';
import { createWorkerDecoder } from './worker_decoder.mjs';

const kCache = 'compass-models';
const kOpenPerWorker = 3;  // readers at once, each of which keeps a layer's pixels

// A model file, from the Cache API if it is there, else from the network, and then kept there. Pages that are neither HTTPS nor
// local have no Cache API: for them it is the browser's own cache that may keep it.
async function fetchModel(url, { again = false } = {}) {
  const cache = await globalThis.caches?.open(kCache).catch(() => undefined);
  const kept = again ? undefined : await cache?.match(url).catch(() => undefined);
  try {
    const response = kept ?? await fetch(url, again ? { cache: 'reload' } : {});
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    if (kept === undefined) await cache?.put(url, response.clone()).catch(() => {});  // no room: then not
    return { bytes: new Uint8Array(await response.arrayBuffer()), kept: kept !== undefined };
  } catch (error) {
    throw new CompassError('model', `the model ${url}: ${error.message}`);
  }
}

export class DecoderPool {
  #options;
  #module;
  #model;
  #workers = [];  // {decoder, loaded, readers}: promises, and how many readers are open
  #queue = [];

  constructor({ wasm = new URL('compass.wasm', import.meta.url), model, workers } = {}) {
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    this.#options = { wasm: String(wasm), model: String(model), workers: workers ?? (cores >= 4 ? 2 : 1) };
  }

  #compiled() {
    this.#module ??= (async () => {
      const response = await fetch(this.#options.wasm);
      if (!response.ok) throw new CompassError('io', `${this.#options.wasm}: ${response.status} ${response.statusText}`.trim());
      return WebAssembly.compile(await response.arrayBuffer());
    })();
    return this.#module;
  }
  #start() {
    const decoder = this.#compiled().then((wasm) => createWorkerDecoder({ wasm }));
    const worker = { decoder, loaded: undefined, readers: 0 };
    decoder.catch(() => {  // the next picture tries again
      this.#module = undefined;
      this.#workers.splice(this.#workers.indexOf(worker), 1);
    });
    this.#workers.push(worker);
    return worker;
  }
  // The worker with the fewest readers; another one is started if all are busy.
  #worker() {
    const least = this.#workers.reduce((a, b) => a === undefined || b.readers < a.readers ? b : a, undefined);
    if (least !== undefined && (least.readers === 0 || this.#workers.length >= this.#options.workers)) return least;
    return this.#start();
  }

  async #load(worker, decoderId) {
    const decoder = await worker.decoder;
    const { model: url } = this.#options;
    this.#model ??= fetchModel(url);
    try {
      let model = await this.#model;
      const id = await decoder.useModel(model.bytes).then(async () => (await decoder.about()).decoderId, (error) => {
        if (!model.kept) throw error;
      });
      if (model.kept && id !== decoderId) {  // the server's may be another by now
        this.#model = fetchModel(url, { again: true });
        model = await this.#model;
        await decoder.useModel(model.bytes);
      }
    } catch (error) {
      this.#model = undefined;
      throw error;
    }
    return decoder;
  }

  // Fetches the model meanwhile.
  async info(bytes) {
    this.#model ??= fetchModel(this.#options.model);
    this.#model.catch(() => { this.#model = undefined; });
    const worker = this.#workers[0] ?? this.#start();
    return (await worker.decoder).info(bytes);
  }

  // Calls use(reader) when one may be opened; `brief` ones, of small layers, always may.
  async withReader(decoderId, { priority, brief = false }, use) {
    const worker = await this.#turn(brief);
    let reader;
    try {
      worker.loaded ??= this.#load(worker, decoderId);
      worker.loaded.catch(() => { worker.loaded = undefined; });
      const decoder = await worker.loaded;
      reader = await decoder.open({ priority });
      return await use(reader);
    } finally {
      await reader?.close();
      worker.readers -= 1;
      this.#next();
    }
  }
  // Ends the workers. What is not done fails.
  close() {
    for (const { decoder } of this.#workers.splice(0)) decoder.then((it) => it.close(), () => {});
  }

  // A worker, its `readers` counted up.
  #turn(brief) {
    return new Promise((resolve) => {
      if (brief) this.#give(this.#worker(), resolve);
      else this.#queue.push(resolve);
      this.#next();
    });
  }
  #next() {
    while (this.#queue.length > 0) {
      const worker = this.#worker();
      if (worker.readers >= kOpenPerWorker) return;
      this.#give(worker, this.#queue.shift());
    }
  }
  #give(worker, resolve) {
    worker.readers += 1;
    resolve(worker);
  }
}

const pools = new Map();
// One for each model.
export function poolFor({ wasm, model, workers }) {
  const key = String(model);
  if (!pools.has(key)) pools.set(key, new DecoderPool({ wasm, model, workers }));
  return pools.get(key);
}
