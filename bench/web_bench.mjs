// How long the WebAssembly decoder takes for each layer of a file, and in how much memory, on one thread in Node. Each layer is
// decoded whole, with those below it, by a decoder of its own: first, then the fastest of the next RUNS (10). "CPU" counts what the
// process took, which other programs disturb less than the clock.
//
//     node bench/web_bench.mjs build/wasm/compass.wasm models/lite.safetensors FILE.cmps [RUNS]
import { readFileSync } from 'node:fs';
import { createDecoder } from '../web/compass.mjs';

const [wasm, model, name, runs = 10] = process.argv.slice(2);
const file = new Uint8Array(readFileSync(name));
const weights = new Uint8Array(readFileSync(model));
const measure = (work) => {
  const [cpu, clock] = [process.cpuUsage(), performance.now()];
  work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000, clock: performance.now() - clock };
};
const row = (...cells) => console.log(cells.map((cell) => String(cell).padStart(13)).join(''));

const bytes = readFileSync(wasm);
const begun = performance.now();
const module = await WebAssembly.compile(bytes);
const compiled = performance.now();
const decoder = await createDecoder({ wasm: module });
const parsed = measure(() => decoder.useModel(weights));
console.log(`compiled in ${(compiled - begun).toFixed(0)} ms; model read in ${parsed.clock.toFixed(0)} ms; ${(decoder.memory / 1e6).toFixed(0)} MB`);
row('layer', 'first ms', 'best ms', 'best CPU ms', 'MB');
for (const [layer, { width, height }] of decoder.info(file).layers.entries()) {
  const fresh = await createDecoder({ wasm: module, model: weights });
  const times = Array.from({ length: 1 + Number(runs) }, () => measure(() => fresh.decode(file, { layer })));
  const best = (key) => Math.min(...times.slice(1).map((time) => time[key])).toFixed(1);
  row(`${width}x${height}`, times[0].clock.toFixed(1), best('clock'), best('cpu'), (fresh.memory / 1e6).toFixed(0));
}
