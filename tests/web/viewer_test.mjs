// The viewer page in Chromium: what it draws is `compass decode --exact`, and it fetches what it draws.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { createDecoder } from '../../web/compass.mjs';
import { Chromium, findChromium } from './chromium.mjs';
import { encode, nativeDecode, publish, requireSame, tinyModel, wasm } from './native.mjs';
import { startServer } from './server.mjs';

const program = findChromium();
const skip = program === undefined ? 'there is no Chromium' : false;
const decoder = await createDecoder({ wasm, model: tinyModel });
const { site, decoder: decoderId } = publish();
let browser, server, page;

before(async () => {
  if (skip) return;
  server = await startServer();
  for (const name of ['base.gz', 'upper.gz']) server.files.set(`/web/model/${decoderId}/${name}`, readFileSync(path.join(site, 'compass/model', decoderId, name)));
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

// Drops a photo that the page paints: a PNG file.
const dropPhoto = (width, height) => page.evaluate(`(async () => {
  const canvas = new OffscreenCanvas(${width}, ${height});
  const context = canvas.getContext('2d');
  for (let y = 0; y < ${height}; y += 4) {
    for (let x = 0; x < ${width}; x += 4) {
      context.fillStyle = 'rgb(' + [x, y, x * y / 50 + 40 * Math.sin(x / 9)].map((value) => Math.abs(Math.round(value)) % 256) + ')';
      context.fillRect(x, y, 4, 4);
    }
  }
  window.photo = await canvas.convertToBlob();
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([window.photo], 'my photo.png', { type: 'image/png' }));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
})()`);
async function compared() {
  for (let tries = 0; tries < 1200; ++tries) {
    const [ready, problem] = await page.evaluate(`[!document.getElementById('compare').hidden && document.getElementById('work').hidden, document.getElementById('note').textContent]`);
    if (ready) return page.evaluate(`[...document.querySelectorAll('#choices button')].map((button) => [...button.children].map((part) => part.textContent))`);
    assert.equal(problem, '');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing was compared in 60 s ${page.log}`);
}
const photoPixels = () => page.evaluate(`(async () => {
  const bitmap = await createImageBitmap(photo);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return [...context.getImageData(0, 0, bitmap.width, bitmap.height).data];
})()`);
const press = (name) => page.evaluate(`[...document.querySelectorAll('#choices button')].find((button) => button.textContent.startsWith('${name}')).click()`);

test('a photo that is dropped becomes a file, and is compared with others', { skip }, async () => {
  await page?.close();
  page = await browser.newPage();
  server.files.set('/web/whole.safetensors', readFileSync(tinyModel));
  await page.open(`${server.url}/web/viewer.html?model=whole.safetensors`);
  await dropPhoto(301, 200);
  const choices = await compared();
  assert.deepEqual(choices.map(([name]) => name), ['Compass', 'WebP', 'JPEG', 'Photo']);
  await until('301 × 200');
  const made = Uint8Array.from(await page.evaluate(`fetch(save.href).then((file) => file.arrayBuffer()).then((bytes) => [...new Uint8Array(bytes)])`));
  assert.equal(await page.evaluate('save.download'), 'my photo.cmps');
  assert.equal(choices[0][1], `${(made.length / 1000).toFixed(1)} kB`);
  requireSame(await middle(301, 200), nativeDecode(made), 'the file');
  await press('Photo');
  requireSame(await middle(301, 200), { width: 301, height: 200, data: await photoPixels() }, 'the photo');
  await press('Compass');
  requireSame(await middle(301, 200), nativeDecode(made), 'the file again');
});

test('a photo of the size of the file that is open is what it is compared with', { skip }, async () => {
  const bytes = encode(301, 200);
  await open(bytes);
  await until('301 × 200');
  server.requests.length = 0;
  await dropPhoto(301, 200);
  const choices = await compared();
  assert.equal(choices[0][1], `${(bytes.length / 1000).toFixed(1)} kB`);
  assert.equal(await page.evaluate(`document.getElementById('name').textContent`), 'some picture.cmps');
  assert.deepEqual(server.requests, []);  // nothing is encoded
  // One of another size is encoded, for which there is no encoder here.
  await dropPhoto(300, 200);
  for (let tries = 0; tries < 600 && await page.evaluate(`document.getElementById('note').hidden`); ++tries) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(await page.evaluate(`document.getElementById('note').textContent`), /^my photo\.png: .*encoder/);
});

test('a picture as close to the photo, from the encoders of the browser', { skip }, async () => {
  page = await browser.newPage();
  await page.open(`${server.url}/web/viewer.html`);
  const found = await page.evaluate(`(async () => {
    const { matched, psnr } = await import('/web/comparison.mjs');
    const photo = new ImageData(64, 48);
    for (let i = 0; i < photo.data.length; ++i) photo.data[i] = i % 4 === 3 ? 255 : 128 + 100 * Math.sin(i / 37) + 20 * Math.sin(i * i);
    const results = [];
    for (const wanted of [15, 25, 99]) {
      const { bytes, psnr: reached, picture } = await matched(photo, 'image/jpeg', wanted);
      results.push([wanted, bytes, reached, psnr(photo, picture)]);
    }
    return { results, none: await matched(photo, 'image/avif', 20), same: psnr(photo, photo) };
  })()`);
  const [low, high, most] = found.results;
  for (const [, , told, measured] of found.results) assert.equal(told, measured);
  assert.ok(low[2] >= 15 && high[2] >= 25 && low[1] < high[1] && high[1] < most[1], JSON.stringify(found));
  assert.ok(most[2] < 99);  // the closest there is
  assert.equal(found.none, undefined);
  assert.equal(found.same, null);  // infinite
});
