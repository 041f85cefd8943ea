// How long Chromium takes for each layer of a file, and in how much memory: as web_bench.mjs has it for Node, in a worker of a page.
// "first" is a page's first picture: a worker starts, compiles the module, reads the model and decodes; all files come from this machine.
//
//     node bench/chromium_bench.mjs PACKAGE MODELS FILE.cmps [RUNS]
//
// PACKAGE is build/wasm/package, MODELS a site's folder of models: compass/model of what `compass publish` makes.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { Chromium, findChromium } from '../tests/web/chromium.mjs';

const [web, models, file, runs = 10] = process.argv.slice(2);
const types = { '.mjs': 'text/javascript', '.html': 'text/html' };
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  response.setHeader('Content-Type', types[path.extname(pathname)] ?? 'application/octet-stream');
  if (pathname === '/page.html') return response.end('<!doctype html><link rel="icon" href="data:,">');
  const name = path.basename(pathname);
  const model = path.join(models, pathname.replace('/model/', ''));
  response.end(readFileSync(pathname === '/file' ? file : pathname.startsWith('/model/') ? model : path.join(web, name)));
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });

const chromium = new Chromium(findChromium());
const page = await chromium.newPage();
await page.open(`http://127.0.0.1:${server.address().port}/page.html`);
const rows = await page.evaluate(`(async () => {
  const { createWorkerDecoder } = await import('/web/worker_decoder.mjs');
  const { ModelSource } = await import('/web/model_source.mjs');
  const file = new Uint8Array(await (await fetch('/file')).arrayBuffer());
  const source = new ModelSource(new URL('/model/', location.href));
  const { layers, decoderId } = await (await createWorkerDecoder({ wasm: '/web/compass.wasm.gz' })).info(file);
  const rows = [];
  for (const [layer, { width, height }] of layers.entries()) {
    const began = performance.now();
    const bytes = await (layer === 0 ? source.base(decoderId) : source.whole(decoderId));
    const decoder = await createWorkerDecoder({ wasm: '/web/compass.wasm.gz', model: bytes });
    const ready = performance.now();
    const times = [];
    for (let run = 0; run <= ${Number(runs)}; ++run) {
      const at = performance.now();
      await decoder.decode(file, { layer });
      times.push(performance.now() - at);
    }
    const { memory } = await decoder.about();
    rows.push([width + 'x' + height, ready - began, times[0], Math.min(...times.slice(1)), memory / 1e6]);
    decoder.close();
  }
  return rows;
})()`);
const show = (...cells) => console.log(cells.map((cell) => String(cell).padStart(13)).join(''));
show('layer', 'ready ms', 'first ms', 'best ms', 'MB');
for (const [name, ...numbers] of rows) show(name, ...numbers.map((number) => number.toFixed(0)));
await chromium.close();
server.close();
