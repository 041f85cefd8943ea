// compass.mjs's decoder on another thread: the same functions, each giving a promise.
import { CompassError, bytesOf, unpacked } from './compass.mjs';

async function startWorker(url) {
  if (typeof Worker === 'function') return new Worker(url, { type: 'module' });
  const threads = await import('node:worker_threads');
  return new threads.Worker(url);
}

// Calls `take` with messages and `fail` with what ends the worker, in browsers and in Node.
function connect(worker, take, fail) {
  if (worker.on !== undefined) {
    worker.on('message', take);
    worker.on('error', fail);
  } else {
    worker.onmessage = (event) => take(event.data);
    worker.onerror = (event) => fail(new Error(event.message ?? 'its script cannot be loaded'));
  }
}

// A URL that is the same one on the other thread, whose address is another.
function nameOf(source) {
  if (source instanceof URL) return source.href;
  return typeof source === 'string' && typeof location === 'object' ? new URL(source, location.href).href : source;
}

export async function createWorkerDecoder({ wasm, model, maxPixels, maxMemory, worker = new URL('worker.mjs', import.meta.url) } = {}) {
  const decoder = new WorkerDecoder(await startWorker(worker));
  try {
    await decoder.ask('create', [{ wasm: nameOf(wasm), maxPixels, maxMemory }]);
    if (model !== undefined) await decoder.useModel(await unpacked(await bytesOf(model)));
  } catch (error) {
    decoder.close();
    throw error;
  }
  return decoder;
}

export class WorkerDecoder {
  #worker;
  #ended;  // why it takes no more
  #lastId = 0;
  #waiting = [];  // calls that were not sent yet
  #sent;          // the one that the worker is at

  constructor(worker) {
    this.#worker = worker;
    connect(worker, (reply) => this.#take(reply), (error) => this.#end(`the decoder's worker ended: ${error.message}`));
  }

  // The worker gets one call at a time; of those that wait, the one with the lowest `priority` is next, else the first.
  ask(call, parameters = [], { on, priority = 0 } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw new CompassError('failure', this.#ended);
      const after = this.#waiting.findIndex((other) => other.priority > priority);
      const asked = { message: { id: ++this.#lastId, call, on, parameters }, priority, resolve, reject };
      this.#waiting.splice(after < 0 ? this.#waiting.length : after, 0, asked);
      this.#send();
    });
  }
  #send() {
    if (this.#sent !== undefined || this.#waiting.length === 0) return;
    this.#sent = this.#waiting.shift();
    try {
      this.#post(this.#sent.message);
    } catch (error) {  // what cannot be copied to another thread
      const { reject } = this.#sent;
      this.#sent = undefined;
      reject(new CompassError('usage', error.message));
      this.#send();
    }
  }
  #post(message) {
    // Views are copied with all of their buffer: those of a part get a buffer of their own, which is then passed on. Not by
    // slice(): of Node's Buffer it is a view of the same memory.
    message.parameters = message.parameters.map((value) => value instanceof Uint8Array ? new Uint8Array(value) : value);
    const buffers = message.parameters.filter((value) => value instanceof Uint8Array).map((value) => value.buffer);
    this.#worker.postMessage(message, buffers);
  }
  #take({ value, error }) {
    if (this.#sent === undefined) return;  // the decoder was closed meanwhile
    const { resolve, reject } = this.#sent;
    this.#sent = undefined;
    if (error === undefined) resolve(value);
    else reject(new CompassError(error.status, error.message, error.need));
    this.#send();
  }
  #end(why) {
    this.#ended ??= why;
    for (const { reject } of [this.#sent, ...this.#waiting].filter(Boolean)) reject(new CompassError('failure', why));
    this.#sent = undefined;
    this.#waiting = [];
    this.#worker.terminate();
  }

  useModel(bytes) {
    return this.ask('useModel', [bytes]);
  }
  about() {
    return this.ask('about');
  }
  info(bytes) {
    return this.ask('info', [bytes], { priority: -1 });
  }
  decode(bytes, options, { priority } = {}) {
    return this.ask('decode', [bytes, options], { priority });
  }
  encode(picture, options, { priority } = {}) {
    return this.ask('encode', [picture, options], { priority });
  }
  async open({ priority } = {}) {
    return new WorkerReader(this, await this.ask('open', [], { priority }));
  }
  close() {
    this.#end('the decoder is closed');
  }
}

class WorkerReader {
  #decoder;
  #number;

  constructor(decoder, number) {
    this.#decoder = decoder;
    this.#number = number;
  }
  #ask(call, parameters, priority = 0) {
    if (this.#number === undefined) return Promise.reject(new CompassError('usage', 'the reader is closed'));
    return this.#decoder.ask(call, parameters, { on: this.#number, priority });
  }
  push(bytes, offset) {
    return this.#ask('push', [bytes, offset]);
  }
  end() {
    return this.#ask('end', []);
  }
  info() {
    return this.#ask('info', []);
  }
  select(options) {
    return this.#ask('select', [options]);
  }
  ranges(options) {
    return this.#ask('ranges', [options]);
  }
  ready() {
    return this.#ask('ready', []);
  }
  next(options, { priority } = {}) {
    return this.#ask('next', [options], priority);
  }
  async close() {
    if (this.#number === undefined) return;
    const closed = this.#ask('close', []);
    this.#number = undefined;
    await closed.catch(() => {});  // if its worker is gone, so is it
  }
}
