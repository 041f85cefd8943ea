// <compass-img> and the polyfill in Chromium: pixels are those of `compass decode --exact`, and the server is asked for the
// bytes of the layers that are shown, and for no others.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { createDecoder } from '../../web/compass.mjs';
import { Chromium, findChromium } from './chromium.mjs';
import { conformanceFiles, encode, nativeDecode, publish, root, tinyModel, wasm } from './native.mjs';
import { startServer } from './server.mjs';

const program = findChromium();
const skip = program === undefined ? 'there is no Chromium' : false;
const decoder = await createDecoder({ wasm, model: tinyModel });
const kHead = 256;  // bytes of the first request
const { site, decoder: decoderId } = publish();
const piece = Object.fromEntries(['base', 'upper'].map((name) => [name, `/web/model/${decoderId}/${name}.gz`]));
const pieces = Object.fromEntries(['base', 'upper'].map((name) => [piece[name], readFileSync(path.join(site, `compass/model/${decoderId}/${name}.gz`))]));
let browser, server, page;

before(async () => {
  if (skip) return;
  server = await startServer();
  browser = new Chromium(program);
});
after(async () => {
  await browser?.close();
  server?.close();
});

// What every page has: a hash of pixels, and promises of events.
const helpers = `
  window.pixels = async (source, width, height) => {
    const canvas = source instanceof HTMLCanvasElement ? source : Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    if (canvas !== source) context.drawImage(source, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    return canvas.width + 'x' + canvas.height + ' ' + Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  };
  window.until = async (what, condition) => {
    for (let tries = 0; tries < 1500; ++tries) {
      if (condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('no ' + what + ' in 30 s; ' + seen + '; ' + window.lastError);
  };
  window.seen = [];
  // Not to the window, which load events do not reach.
  for (const name of ['layer', 'load', 'error', 'compasserror']) {
    document.addEventListener(name, (event) => {
      if (event.target.localName === 'compass-img') seen.push(name + ' ' + event.target.layer);
      if (event.error) window.lastError = event.error.status + ': ' + event.error.message;
    }, true);
  }
`;
const digest = ({ width, height, data }) => `${width}x${height} ${createHash('sha256').update(data).digest('hex')}`;

// Opens a page with this body on a server that has these files; what it was asked for before is forgotten.
async function open(body, { files = {}, model = pieces, script = '', view = {}, hold = false } = {}) {
  server.files.clear();
  server.release();
  if (hold) server.options.holdAt = 0;  // until release()
  server.options.ranges = true;
  for (const [name, bytes] of Object.entries(files)) server.files.set(name, Buffer.from(bytes));
  for (const [name, bytes] of Object.entries(model)) server.files.set(name, bytes);
  server.files.set('/page.html', Buffer.from(`<!doctype html><meta charset="utf-8"><style>body { margin: 0 }</style>
    <script>${helpers}</script><script type="module">import '/web/compass-img.mjs'; ${script}</script>${body}`));
  await page?.close();
  page = await browser.newPage(view);
  server.requests.length = 0;
  await page.open(`${server.url}/page.html`);
}
// How often the pieces of the model were asked for.
const pieceRequests = () => ['base', 'upper'].map((name) => server.rangesOf(piece[name]).length);
const image = 'document.querySelector("compass-img")';
const layerDrawn = (layer) => page.evaluate(
  `until('layer ${layer}', () => ${image}.layer === ${layer} && seen.at(-1) === 'load ${layer}').then(() => pixels(${image}.canvas))`);
// What a picture up to this layer takes: the header's request, and the rest in one.
const ranges = (layers, ...wanted) => {
  const asked = [[0, kHead]];
  for (const layer of wanted) if (layers[layer].end > asked.at(-1)[1]) asked.push([asked.at(-1)[1], layers[layer].end]);
  return asked;
};

test('the layer that suits the size and the density of pixels, and its bytes alone', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  for (const [width, density, layer] of [[100, 1, 0], [120, 1, 0], [121, 1, 1], [120, 2, 1], [240, 2, 2], [900, 1, 2]]) {
    await open(`<compass-img src="a.cmps" alt="Waves" style="width: ${width}px"></compass-img>`,
      { files: { '/a.cmps': bytes }, view: { density } });
    assert.equal(await layerDrawn(layer), digest(nativeDecode(bytes, { layer })), `${width} px, ${density}x`);
    assert.deepEqual(server.rangesOf('/a.cmps'), ranges(layers, layer), `${width} px, ${density}x`);
    assert.equal(await page.evaluate(`${image}.bytesRequested`), layers[layer].end);
    assert.deepEqual(await page.evaluate('seen'), [...Array(layer + 1).keys()].map((k) => `layer ${k}`).concat(`load ${layer}`));
    assert.deepEqual(pieceRequests(), [1, layer > 0 ? 1 : 0]);
  }
});

test('the files of the conformance suite, whole', { skip }, async () => {
  const all = conformanceFiles();
  await open(all.map(({ name }) => `<compass-img src="${name}" loading="eager" style="width: 5000px"></compass-img>`).join(''),
    { files: Object.fromEntries(all.map(({ name, bytes }) => [`/${name}`, bytes])) });
  for (const [i, { name, bytes }] of all.entries()) {
    const top = decoder.info(bytes).layers.length - 1;
    const got = await page.evaluate(`(async () => {
      const image = document.querySelectorAll('compass-img')[${i}];
      await until('${name}', () => image.layer === ${top});
      return pixels(image.canvas);
    })()`);
    assert.equal(got, digest(nativeDecode(bytes)), name);
  }
});

test('alpha', { skip }, async () => {
  const bytes = encode(90, 60, { depth: 4 });
  await open('<compass-img src="a.cmps" style="width: 90px"></compass-img>', { files: { '/a.cmps': bytes } });
  await layerDrawn(2);
  // A canvas keeps colours multiplied by alpha, and so cannot give all of them back: alpha and what is opaque can be compared.
  const wanted = nativeDecode(bytes).data;
  const got = await page.evaluate(`Array.from(${image}.canvas.getContext('2d').getImageData(0, 0, 90, 60).data)`);
  for (let i = 0; i < got.length; ++i) if (i % 4 === 3 || wanted[i | 3] === 255) assert.equal(got[i], wanted[i], `sample ${i}`);
});

test('a larger place fetches the next bytes, a smaller one none', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  await open('<compass-img src="a.cmps" style="width: 25vw"></compass-img>', { files: { '/a.cmps': bytes }, view: { width: 400 } });
  await layerDrawn(0);
  await page.resize(800, 600, 1);
  assert.equal(await layerDrawn(1), digest(nativeDecode(bytes, { layer: 1 })));
  await page.resize(300, 600, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(await page.evaluate(`${image}.layer`), 1);
  await page.resize(800, 600, 2);
  assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
  assert.deepEqual(server.rangesOf('/a.cmps'), ranges(layers, 0, 1, 2));
});

test('the sizes attribute comes before the size', { skip }, async () => {
  const bytes = encode(480, 360);
  await open('<compass-img src="a.cmps" sizes="(min-width: 2000px) 400px, calc(10vw + 60px)" style="width: 480px"></compass-img>',
    { files: { '/a.cmps': bytes }, view: { width: 800 } });
  await layerDrawn(1);  // 140 px
  await page.resize(2100, 600, 1);
  await page.evaluate(`${image}.sizes = ''`);
  await layerDrawn(2);
});

test('it is laid out as <img> is', { skip }, async () => {
  const bytes = encode(480, 360);
  const cases = [['', 480, 360], ['width="100"', 100, 75], ['height="90"', 120, 90], ['width="50" height="50"', 50, 50],
    ['style="height: 36px"', 48, 36], ['style="width: 50%"', 400, 300], ['width="960" style="max-width: 100%; height: auto"', 800, 600],
    ['width="480" height="360" style="width: 120px; height: auto"', 120, 90]];
  for (const [attributes, width, height] of cases) {
    await open(`<compass-img src="a.cmps" ${attributes}></compass-img>`, { files: { '/a.cmps': bytes } });
    await page.evaluate(`until('load', () => seen.some((event) => event.startsWith('load')))`);
    const box = await page.evaluate(`(({ width, height }) => [width, height])(${image}.getBoundingClientRect())`);
    assert.deepEqual(box, [width, height], attributes);
  }
  assert.deepEqual(await page.evaluate(`[${image}.naturalWidth, ${image}.naturalHeight]`), [480, 360]);
});

test('what is far from the screen waits', { skip }, async () => {
  const bytes = encode(48, 36);
  await open(`<compass-img src="a.cmps" width="48" height="36"></compass-img><div style="height: 5000px"></div>
    <compass-img src="b.cmps" width="48" height="36"></compass-img>`, { files: { '/a.cmps': bytes, '/b.cmps': bytes } });
  await layerDrawn(2);
  assert.equal(server.rangesOf('/b.cmps').length, 0);
  await page.evaluate('scrollTo(0, 5000)');
  await page.evaluate(`until('b', () => document.querySelectorAll('compass-img')[1].layer === 2)`);
});

test('over a slow network the lower layers are there first', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  await open('', { files: { '/a.cmps': bytes } });
  for (const layer of [0, 1]) {
    server.requests.length = 0;
    server.options.holdAt = layers[layer].end + 100;
    await page.evaluate(`seen.length = 0; document.body.innerHTML = '<compass-img src="a.cmps?${layer}" style="width: 480px"></compass-img>'`);
    const drawn = await page.evaluate(`until('layer ${layer}', () => ${image}.layer === ${layer}).then(() => pixels(${image}.canvas))`);
    assert.equal(drawn, digest(nativeDecode(bytes, { layer })));
    server.release();
    assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
    assert.deepEqual(await page.evaluate('seen'), ['layer 0', 'layer 1', 'layer 2', 'load 2']);
    assert.deepEqual(server.rangesOf('/a.cmps'), ranges(layers, 2));
  }
});

test('a server that knows no ranges is left when there is enough', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  await open('', { files: { '/a.cmps': bytes } });
  server.options.ranges = false;
  await page.evaluate(`document.body.innerHTML = '<compass-img src="a.cmps" style="width: 480px"></compass-img>'`);
  assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
  server.options.holdAt = layers[0].end + 1;  // what comes after it is not waited for
  await page.evaluate(`document.body.innerHTML = '<compass-img src="a.cmps?0" style="width: 120px"></compass-img>'`);
  assert.equal(await layerDrawn(0), digest(nativeDecode(bytes, { layer: 0 })));
});

test('a damaged file shows what is whole, or what is between the tags', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  const damaged = (layer) => {
    const file = bytes.slice();
    file[layers[layer].end - 2] ^= 0x10;
    return file;
  };
  for (const file of [damaged(2), bytes.subarray(0, layers[2].end - 10), bytes.subarray(0, layers[1].end)]) {
    await open('<compass-img src="a.cmps" style="width: 480px"></compass-img>', { files: { '/a.cmps': file } });
    assert.equal(await layerDrawn(1), digest(nativeDecode(bytes, { layer: 1 })));
    assert.match(await page.evaluate(`${image}.damage`), /layer 2/);
  }
  const lost = [[damaged(0), 'damaged'], [new Uint8Array(300), 'bad-file'], [bytes.subarray(0, 30), 'damaged'], [new Uint8Array(0), 'damaged']];
  for (const [file, status] of lost) {
    await open('<compass-img src="a.cmps" style="width: 480px"><p style="width: 77px">Nothing</p></compass-img>', { files: { '/a.cmps': file } });
    await page.evaluate(`until('error', () => window.lastError)`);
    assert.match(await page.evaluate('lastError'), new RegExp(`^${status}: `));
    assert.equal(await page.evaluate(`document.querySelector('p').getBoundingClientRect().width`), 77);
  }
});

test('no file, no model, another model', { skip }, async () => {
  const bytes = encode(48, 36);
  await open('<compass-img src="a.cmps" style="width: 48px"></compass-img>');
  await page.evaluate(`until('error', () => window.lastError)`);
  assert.match(await page.evaluate('lastError'), /^io: .*a\.cmps: 404/);
  const none = Buffer.from('no model at all');
  const wrong = [[{}, /^model: .*base\.gz: 404/], [{ [piece.base]: none }, /^model: /],
    [{ ...pieces, [piece.upper]: none }, /^model: .*model\//]];
  for (const [model, message] of wrong) {
    await open('<compass-img src="a.cmps" style="width: 48px"></compass-img>', { files: { '/a.cmps': bytes }, model });
    await page.evaluate(`until('error', () => window.lastError)`);
    assert.match(await page.evaluate('lastError'), message);
    for (const [name, piece] of Object.entries(pieces)) server.files.set(name, piece);
    await page.evaluate(`${image}.remove(); document.body.innerHTML = '<compass-img src="a.cmps" style="width: 48px"></compass-img>'`);
    await layerDrawn(2);
  }
});

test('small layers need not wait for what larger ones take of the model', { skip }, async () => {
  const bytes = encode(480, 360);
  await open('<compass-img src="a.cmps" style="width: 480px"></compass-img>', { files: { '/a.cmps': bytes }, model: { [piece.base]: pieces[piece.base] } });
  await page.evaluate(`until('error', () => window.lastError)`);
  assert.match(await page.evaluate('lastError'), /^model: .*upper\.gz: 404/);
  assert.deepEqual(await page.evaluate('seen'), ['layer 0', 'error 0']);
  assert.equal(await page.evaluate(`pixels(${image}.canvas)`), digest(nativeDecode(bytes, { layer: 0 })));
  server.files.set(piece.upper, pieces[piece.upper]);
  await page.resize(801, 600, 1);
  await page.evaluate(`${image}.style.width = '481px'`);
  await layerDrawn(2);
});

test('a model of one file', { skip }, async () => {
  const bytes = encode(480, 360);
  const one = '/web/whole.safetensors';
  await open('<compass-img src="a.cmps" style="width: 480px"></compass-img>', {
    files: { '/a.cmps': bytes }, model: { [one]: readFileSync(tinyModel) },
    script: `import { configure } from '/web/compass-img.mjs'; configure({ model: '${one}' });`,
  });
  assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
  assert.equal(server.rangesOf(one).length, 1);
  await open(`<compass-img src="a.cmps" model="${one}" loading="eager" style="width: 120px"></compass-img>`,
    { files: { '/a.cmps': bytes }, model: { [one]: readFileSync(tinyModel) } });
  assert.equal(await layerDrawn(0), digest(nativeDecode(bytes, { layer: 0 })));
});

test('layers that the page knows need no request for the header', { skip }, async () => {
  const bytes = encode(480, 360);
  const { layers } = decoder.info(bytes);
  const known = (change) => layers.map(({ width, height, end }) => `${width}x${height} ${end + change}`).join(', ');
  const shown = (text) => open(`<compass-img src="a.cmps" data-layers="${text}" style="width: 240px"></compass-img>`, { files: { '/a.cmps': bytes } });
  await shown(known(0));
  assert.equal(await layerDrawn(1), digest(nativeDecode(bytes, { layer: 1 })));
  assert.deepEqual(server.rangesOf('/a.cmps'), [[0, layers[1].end]]);
  await page.evaluate(`${image}.style.width = '480px'`);
  assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
  assert.deepEqual(server.rangesOf('/a.cmps'), [[0, layers[1].end], [layers[1].end, layers[2].end]]);
  // What it says wrong is made good by what the file says; what makes no sense is passed over.
  for (const text of [known(-20), known(bytes.length), known(-layers[0].end), '480x360', 'x', '']) {
    await shown(text);
    assert.equal(await layerDrawn(1), digest(nativeDecode(bytes, { layer: 1 })), text);
  }
});

test('a published page asks for its scripts at once', { skip }, async () => {
  const imported = new Set();
  const follow = (name) => {
    for (const [, next] of readFileSync(path.join(root, 'web', name), 'utf8').matchAll(/^import .* from '\.\/(.*)';$/gm)) {
      if (imported.has(next)) continue;
      imported.add(next);
      follow(next);
    }
  };
  follow('compass-img.mjs');
  const html = readFileSync(path.join(site, 'index.html'), 'utf8');
  const links = [...html.matchAll(/<link rel="modulepreload" href="compass\/(.*?)">/g)].map(([, name]) => name);
  assert.deepEqual(links.sort(), [...imported].sort());
  // And shows its picture, in one request for it.
  await open('');
  const add = (folder, prefix) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) add(path.join(folder, entry.name), `${prefix}${entry.name}/`);
      else server.files.set(prefix + entry.name, readFileSync(path.join(folder, entry.name)));
    }
  };
  add(site, '/site/');
  for (const name of ['compass-img.mjs', 'worker.mjs', ...imported]) server.files.set(`/site/compass/${name}`, readFileSync(path.join(root, 'web', name)));
  server.requests.length = 0;
  await page.open(`${server.url}/site/index.html`);
  await page.evaluate(`(async () => {
    for (let tries = 0; tries < 1500 && !(${image}.layer >= 0); ++tries) await new Promise((resolve) => setTimeout(resolve, 20));
  })()`);
  assert.equal(await page.evaluate(`${image}.layer`), 0);
  assert.equal(server.rangesOf('/site/a.cmps').length, 1);
  assert.deepEqual(page.log, []);
});

test('a model is fetched once', { skip }, async () => {
  const bytes = encode(48, 36);
  const files = { '/a.cmps': bytes, '/b.cmps': bytes };
  await open('<compass-img src="a.cmps" style="width: 48px"></compass-img><compass-img src="b.cmps" style="width: 48px"></compass-img>', { files });
  await page.evaluate(`until('both', () => [...document.querySelectorAll('compass-img')].every((image) => image.layer === 2))`);
  assert.deepEqual(pieceRequests(), [1, 1]);
  await page.open(`${server.url}/page.html`);
  await layerDrawn(2);
  assert.deepEqual(pieceRequests(), [1, 1]);  // from the Cache API
});

test('pictures of two models on a page', { skip }, async () => {
  const other = path.join(root, 'tests/data/tiny_trellis.safetensors');
  const { site: otherSite, decoder: otherId } = publish({ model: other, name: 'other' });
  assert.notEqual(otherId, decoderId);
  const both = { ...pieces };
  for (const name of ['base.gz', 'upper.gz']) both[`/web/model/${otherId}/${name}`] = readFileSync(path.join(otherSite, 'compass/model', otherId, name));
  const files = { '/a.cmps': encode(48, 36), '/b.cmps': encode(48, 36, { model: other }), '/c.cmps': encode(60, 36), '/d.cmps': encode(60, 36, { model: other }) };
  const names = Object.keys(files).map((name) => name[1]);
  await open(names.map((name) => `<compass-img id="${name}" src="${name}.cmps" style="width: 60px"></compass-img>`).join(''), { files, model: both });
  await page.evaluate(`until('all', () => [...document.querySelectorAll('compass-img')].every((image) => image.layer === 2))`);
  for (const [i, name] of names.entries()) {
    const wanted = nativeDecode(files[`/${name}.cmps`], {}, i % 2 === 0 ? tinyModel : other);
    assert.equal(await page.evaluate(`pixels(document.getElementById('${name}').canvas)`), digest(wanted), name);
  }
  assert.deepEqual(Object.keys(both).map((name) => server.rangesOf(name).length), [1, 1, 1, 1]);
});

test('a model that the page knows of comes with the first bytes of the file', { skip }, async () => {
  const bytes = encode(48, 36);
  await open(`<compass-img src="a.cmps" data-decoder="${decoderId}" style="width: 48px"></compass-img>`, { files: { '/a.cmps': bytes }, hold: true });
  for (let tries = 0; tries < 500 && pieceRequests()[0] === 0; ++tries) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(pieceRequests(), [1, 0]);
  server.release();
  assert.equal(await layerDrawn(2), digest(nativeDecode(bytes)));
});

test('another src, and gone before it is there', { skip }, async () => {
  const [a, b] = [encode(48, 36), encode(60, 40)];
  await open('<compass-img src="a.cmps" width="60"></compass-img>', { files: { '/a.cmps': a, '/b.cmps': b } });
  await layerDrawn(2);
  await page.evaluate(`seen.length = 0; ${image}.src = 'a.cmps?again'; ${image}.src = 'b.cmps'`);
  assert.equal(await layerDrawn(2), digest(nativeDecode(b)));
  await page.evaluate(`(() => {
    const image = document.createElement('compass-img');
    image.src = 'a.cmps';
    document.body.append(image);
    image.remove();
  })()`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(page.log, []);
});

test('alt is what a screen reader reads', { skip }, async () => {
  await open('<compass-img src="a.cmps" alt="Waves of colour" width="48"></compass-img>', { files: { '/a.cmps': encode(48, 36) } });
  const { nodes } = await page.send('Accessibility.getFullAXTree');
  assert.ok(nodes.some(({ role, name }) => role?.value === 'image' && name?.value === 'Waves of colour'));
});

test('the polyfill: <img>, <source>, added later', { skip }, async () => {
  const bytes = encode(480, 360, { depth: 3 });
  const clear = encode(90, 60, { depth: 4 });
  const { layers } = decoder.info(bytes);
  await open(`<img id="plain" src="a.cmps" style="width: 120px">
    <picture><source type="image/x-compass" srcset="b.cmps"><img id="source" src="b.jpg" style="width: 240px"></picture>`, {
    files: { '/a.cmps': bytes, '/b.cmps': bytes, '/c.cmps': clear },
    script: "import { enable } from '/web/polyfill.mjs'; enable();",
  });
  const drawn = (id, layer) => page.evaluate(`(async () => {
    const image = document.getElementById('${id}');
    await until('${id}', () => image.dataset.compassLayer === '${layer}' && image.currentSrc.startsWith('blob:') && image.complete && image.naturalWidth > 0);
    return pixels(await createImageBitmap(await (await fetch(image.currentSrc)).blob(), { premultiplyAlpha: 'none' }), ${layers[layer]?.width}, ${layers[layer]?.height});
  })()`);
  assert.equal(await drawn('plain', 0), digest(nativeDecode(bytes, { layer: 0 })));
  assert.deepEqual(await page.evaluate('[plain.naturalWidth, plain.naturalHeight]'), [480, 360]);
  assert.equal(await drawn('source', 1), digest(nativeDecode(bytes, { layer: 1 })));
  assert.deepEqual(server.rangesOf('/b.cmps'), ranges(layers, 1));
  await page.evaluate(`plain.style.width = '480px'`);
  assert.equal(await drawn('plain', 2), digest(nativeDecode(bytes)));
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<img id="later" src="c.cmps" width="90">')`);
  await page.evaluate(`until('later', () => later.dataset.compassLayer === '2' && later.complete && later.naturalWidth === 90)`);
  const alpha = await page.evaluate(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 90, height: 60 });
    const context = canvas.getContext('2d');
    context.drawImage(later, 0, 0, 90, 60);
    return Array.from(context.getImageData(0, 0, 90, 60).data).filter((_, i) => i % 4 === 3);
  })()`);
  assert.deepEqual(alpha, Array.from(nativeDecode(clear).data).filter((_, i) => i % 4 === 3));
});
