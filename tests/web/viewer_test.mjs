// The viewer page in Chromium: what it draws is `compass decode --exact`, and it fetches what it draws.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { after, before } from 'node:test';
import { createDecoder } from '../../web/compass.mjs';
import { Chromium, findChromium } from './chromium.mjs';
import { encode, nativeDecode, requireSame, tinyModel, wasm } from './native.mjs';
import { startServer } from './server.mjs';

const program = findChromium();
const skip = program === undefined ? 'there is no Chromium' : false;
const decoder = await createDecoder({ wasm, model: tinyModel });
let browser, server, page;

before(async () => {
  if (skip) return;
  server = await startServer();
  server.files.set('/web/model.safetensors', readFileSync(tinyModel));
  browser = new Chromium(program);
});
after(async () => {
  await browser?.close();
  server?.close();
});

async function open(bytes, view) {
  server.files.set('/some%20picture.cmps', Buffer.from(bytes));
  await page?.close();
  page = await browser.newPage(view);
  server.requests.length = 0;
  await page.open(`${server.url}/web/viewer.html?src=${encodeURIComponent('/some picture.cmps')}`);
}
const facts = () => page.evaluate(`document.getElementById('facts').textContent`);
async function until(text) {
  for (let tries = 0; tries < 600; ++tries) {
    const now = await facts();
    if (now.includes(text) && !now.includes('…')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no "${text}" in 30 s, but "${await facts()}" ${page.log}`);
}
// The middle of the canvas, once it is drawn.
async function middle(width, height) {
  const data = await page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const canvas = document.getElementById('view');
    const x = Math.round((canvas.width - ${width}) / 2), y = Math.round((canvas.height - ${height}) / 2);
    resolve([x, y, ...canvas.getContext('2d').getImageData(x, y, ${width}, ${height}).data]);
  })))`);
  return { x: data[0], y: data[1], width, height, data: data.slice(2) };
}

test('a picture that fits, pixel for pixel', { skip }, async () => {
  const bytes = encode(301, 200);
  await open(bytes);
  await until('301 × 200');
  requireSame(await middle(301, 200), nativeDecode(bytes), 'the picture');
  assert.equal(await page.evaluate(`document.getElementById('name').textContent`), 'some picture.cmps');
});

test('the layer that the window asks for, and others by the slider', { skip }, async () => {
  const bytes = encode(1200, 900);
  const { layers } = decoder.info(bytes);
  const asked = () => server.rangesOf('/some%20picture.cmps').reduce((sum, [from, to]) => sum + to - from, 0);
  await open(bytes, { width: 420, height: 600 });
  await until('600 × 450');  // 420 pixels wide
  assert.equal(asked(), layers[1].end);
  const slide = (layer) => page.evaluate(`(({ layer }) => { layer.value = ${layer}; layer.dispatchEvent(new Event('input')); })({ layer: document.getElementById('layer') })`);
  await slide(0);
  await until('300 × 225');
  assert.equal(asked(), layers[1].end);
  await slide(2);
  await until('1200 × 900');
  assert.equal(asked(), bytes.length);
  await page.evaluate(`document.getElementById('auto').click()`);
  await until('600 × 450');
});

test('of a large picture the part that is seen', { skip }, async () => {
  const bytes = encode(2900, 2100);
  await open(bytes);
  await until('725 × 525');
  const { width, height } = await page.evaluate(`(({ clientWidth: width, clientHeight: height }) => ({ width, height }))(document.getElementById('view'))`);
  // To its own pixels, about the middle.
  await page.evaluate(`document.getElementById('view').dispatchEvent(new MouseEvent('dblclick', { clientX: ${width / 2}, clientY: ${height / 2} }))`);
  await until('2900 × 2100');
  const seen = await middle(400, 200);
  const region = { x: Math.round(1450 - width / 2) + seen.x, y: Math.round(1050 - height / 2) + seen.y, width: 400, height: 200 };
  requireSame(seen, nativeDecode(bytes, { region }), 'the part');
  const asked = server.rangesOf('/some%20picture.cmps').reduce((sum, [from, to]) => sum + to - from, 0);
  assert.ok(asked < 0.6 * bytes.length, `${asked} of ${bytes.length}`);
});

test('a file that is dropped, after one that is none', { skip }, async () => {
  const bytes = encode(301, 200);
  page = await browser.newPage();
  await page.open(`${server.url}/web/viewer.html`);
  const drop = (content) => page.evaluate(`(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(${JSON.stringify(content)})], 'mine.cmps'));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  })()`);
  await drop([1, 2, 3, 4]);
  for (let tries = 0; tries < 600 && await page.evaluate(`document.getElementById('note').hidden`); ++tries) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(await page.evaluate(`document.getElementById('note').textContent`), /^mine\.cmps: ./);
  assert.equal(await page.evaluate(`document.getElementById('empty').hidden`), false);
  await drop(Array.from(bytes));
  await until('301 × 200');
  requireSame(await middle(301, 200), nativeDecode(bytes), 'the picture');
  assert.equal(await page.evaluate(`document.getElementById('note').hidden`), true);
});
