// A decoder on a thread of its own, for worker_decoder.mjs. Messages are {id, call, on, parameters}: `on` is a reader's
// number, if the call is one of a reader. Answers are {id, value} or {id, error}.
import { createDecoder } from './compass.mjs';

let decoder;
let lastReader = 0;
const readers = new Map();

const calls = {
  async create(options) {
    decoder = await createDecoder(options);
  },
  useModel: (bytes) => decoder.useModel(bytes),
  about: () => ({ version: decoder.version, modelName: decoder.modelName, decoderId: decoder.decoderId, memory: decoder.memory }),
  info: (bytes) => decoder.info(bytes),
  decode: (bytes, options) => decoder.decode(bytes, options),
  encode: (picture, options) => decoder.encode(picture, options),
  open() {
    readers.set(++lastReader, decoder.open());
    return lastReader;
  },
};

function callReader(number, call, parameters) {
  const reader = readers.get(number);
  if (call === 'close') readers.delete(number);
  return call === 'ready' ? reader.ready : reader[call](...parameters);
}

async function answer({ id, call, on, parameters }) {
  try {
    const value = on === undefined ? await calls[call](...parameters) : callReader(on, call, parameters);
    return { id, value };
  } catch (error) {
    const { status = 'failure', message, need } = error;
    return { id, error: { status, message, need } };
  }
}

function listen(port, receive) {
  let last = Promise.resolve();  // one after the other, also while `create` waits
  receive((message) => {
    last = last.then(async () => {
      const reply = await answer(message);
      port.postMessage(reply, reply.value?.data === undefined ? [] : [reply.value.data.buffer]);
    });
  });
}

if (typeof postMessage === 'function') {
  listen(globalThis, (take) => addEventListener('message', (event) => take(event.data)));
} else {
  import('node:worker_threads').then(({ parentPort }) => listen(parentPort, (take) => parentPort.on('message', take)));
}
