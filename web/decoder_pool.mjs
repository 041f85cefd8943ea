// The decoders that a page's pictures share: workers with a model each, started when they are needed.
import { moduleOf } from './compass.mjs';
import { ModelSource } from './model_source.mjs';
import { createWorkerDecoder } from './worker_decoder.mjs';

const kOpenPerWorker = 3;  // readers at once, each of which keeps a layer's pixels

export class DecoderPool {
  #options;
  #module;
  #model;
  // {decoder, decoderId, base, whole, readers}: a promise of it; whose model it has, once it has one; promises of it with so much of
  // that; how many readers are open.
  #workers = [];
  #queue = [];  // {decoderId, resolve}

  // `model`: an address as model_source.mjs has it; `workers`: at most, for each model.
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
      this.#workers = this.#workers.filter((other) => other !== worker);
    });
    this.#workers.push(worker);
    return worker;
  }
  // Of this model's workers the one with the fewest readers; another one is taken or started if all are busy.
  #worker(decoderId) {
    const having = this.#workers.filter((worker) => worker.decoderId === decoderId);
    const least = having.reduce((a, b) => a === undefined || b.readers < a.readers ? b : a, undefined);
    if (least !== undefined && (least.readers === 0 || having.length >= this.#options.workers)) return least;
    const worker = this.#workers.find((one) => one.decoderId === undefined) ?? this.#start();
    worker.decoderId = decoderId;
    return worker;
  }

  // The worker's decoder with what base layers take of its model or, once that is there, with all of it.
  #loaded(worker, part) {
    if (!this.#model.hasPieces) part = 'base';
    if (worker[part] === undefined) {
      const before = part === 'whole' ? this.#loaded(worker, 'base') : worker.decoder;
      const loading = before.then((decoder) => this.#load(worker, decoder, part));
      worker[part] = loading;
      loading.catch(() => { if (worker[part] === loading) worker[part] = undefined; });
    }
    return worker[part];
  }
  async #load(worker, decoder, part) {
    const bytes = await this.#model[part](worker.decoderId);
    try {
      await decoder.useModel(bytes);
    } catch (error) {
      worker.base = worker.whole = undefined;  // it has given up the model that it had
      if (error.status === 'model') await this.#model.forget(worker.decoderId);
      throw error;
    }
    return decoder;
  }

  // Has what the first picture takes begin to come; of the model, too, if it is known which one.
  prepare(decoderId) {
    if (decoderId !== undefined || !this.#model.hasPieces) this.#model.base(decoderId).catch(() => {});  // whoever needs it hears of it
    if (this.#workers.length === 0) this.#start();
  }
  async info(bytes) {
    this.prepare();
    return (await this.#workers[0].decoder).info(bytes);
  }

  // Calls use(reader) when one may be opened; `brief` ones, of small layers, always may. `upper`: of layers above the lowest.
  async withReader(decoderId, { priority, brief = false, upper = true }, use) {
    const worker = await this.#turn(decoderId, brief);
    let reader;
    try {
      const decoder = await this.#loaded(worker, upper ? 'whole' : 'base');
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
  #turn(decoderId, brief) {
    return new Promise((resolve) => {
      if (brief) this.#give(this.#worker(decoderId), resolve);
      else this.#queue.push({ decoderId, resolve });
      this.#next();
    });
  }
  #next() {
    this.#queue = this.#queue.filter(({ decoderId, resolve }) => {
      const worker = this.#worker(decoderId);
      if (worker.readers >= kOpenPerWorker) return true;
      this.#give(worker, resolve);
      return false;
    });
  }
  #give(worker, resolve) {
    worker.readers += 1;
    resolve(worker);
  }
}

const pools = new Map();
// One for each address of models.
export function poolFor({ wasm, model, workers }) {
  const key = String(model);
  if (!pools.has(key)) pools.set(key, new DecoderPool({ wasm, model, workers }));
  return pools.get(key);
}
