// The decoders that a page's pictures share: workers with one model, started when they are needed.
import { moduleOf } from './compass.mjs';
import { ModelSource } from './model_source.mjs';
import { createWorkerDecoder } from './worker_decoder.mjs';

const kOpenPerWorker = 3;  // readers at once, each of which keeps a layer's pixels

export class DecoderPool {
  #options;
  #module;
  #model;
  #workers = [];  // {decoder, base, whole, readers}: promises of it, and of it with so much of a model; how many readers are open
  #queue = [];

  constructor({ wasm = new URL('compass.wasm.gz', import.meta.url), model, workers } = {}) {
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    this.#options = { wasm: String(wasm), workers: workers ?? (cores >= 4 ? 2 : 1) };
    this.#model = new ModelSource(model);
  }

  #compiled() {
    this.#module ??= moduleOf(this.#options.wasm);
    return this.#module;
  }
  #start() {
    const decoder = this.#compiled().then((wasm) => createWorkerDecoder({ wasm }));
    const worker = { decoder, readers: 0 };
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

  // The worker's decoder with what base layers take of the model or, once that is there, with all of it.
  #loaded(worker, part, decoderId) {
    if (!this.#model.hasPieces) part = 'base';
    if (worker[part] === undefined) {
      const before = part === 'whole' ? this.#loaded(worker, 'base', decoderId) : worker.decoder;
      worker[part] = before.then((decoder) => this.#load(decoder, part, decoderId));
      worker[part].catch(() => { worker[part] = undefined; });
    }
    return worker[part];
  }
  async #load(decoder, part, decoderId) {
    const use = async (model) => {
      try {
        await decoder.useModel(model.bytes);
      } catch (error) {
        this.#model.renew(model.version);  // for who tries again
        throw error;
      }
      return (await decoder.about()).decoderId;
    };
    const model = await this.#model[part]();
    const id = await use(model).catch((error) => {
      if (!model.kept) throw error;
    });
    if (model.kept && id !== decoderId) {  // the server's may be another by now
      this.#model.renew(model.version);
      await use(await this.#model[part]());
    }
    return decoder;
  }

  // Has what the first picture takes begin to come.
  prepare() {
    this.#model.base().catch(() => {});  // whoever needs it hears of it
    if (this.#workers.length === 0) this.#start();
  }
  async info(bytes) {
    this.prepare();
    return (await this.#workers[0].decoder).info(bytes);
  }

  // Calls use(reader) when one may be opened; `brief` ones, of small layers, always may. `upper`: of layers above the lowest.
  async withReader(decoderId, { priority, brief = false, upper = true }, use) {
    const worker = await this.#turn(brief);
    let reader;
    try {
      const decoder = await this.#loaded(worker, upper ? 'whole' : 'base', decoderId);
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
