// viewer.html: a .cmps file that was dropped, chosen, or is named by ?src=URL (?model=URL), layer by layer, fetching what is shown.
// A photo becomes such a file, or, if it has the size of the one that is open, is what that is compared with.
import { pixelsOf } from './comparison.mjs';
import { ComparisonPanel, canvasOf } from './comparison_panel.mjs';
import { DecoderPool } from './decoder_pool.mjs';
import { PanZoom } from './pan_zoom.mjs';
import { encodePhoto } from './photo_encoding.mjs';
import { PictureLoader } from './picture_loader.mjs';

const kWhole = 6e6;   // pixels: larger layers are decoded in parts, those that are seen
const kMostPixels = 6e6;                // of a photo that is encoded here
const kQuick = 1.5e6;                   // pixels of a photo from which on its encoding is not searched for fewer bits
const kSignature = [0xc3, 0x4d, 0x50];  // of .cmps files
const kCalm = 200;    // ms without movement, before a part is fetched
const element = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

const model = new URL(query.get('model') ?? 'model/', document.baseURI).href;
const pool = new DecoderPool({ model, workers: 1 });
const view = new PanZoom(element('view'), { draw, onChange: seen });

const panel = new ComparisonPanel(element('compare'), { amount, onChoice: () => view.redraw() });

let shown;  // of the file that is open: {loader, layers, top, name, pictures: canvases by layer, part, asked, begun}
let preview;  // a photo's canvas, while it is encoded
let timer;

const isWhole = ({ width, height }) => width * height <= kWhole;

function draw(context) {
  if (preview !== undefined) context.drawImage(preview, 0, 0);
  if (shown === undefined || preview !== undefined) return;
  const { pictures, top, part } = shown;
  const layer = Math.min(chosen(), pictures.length - 1);
  const picture = pictures[layer];
  if (picture === undefined) return;
  if (shown.alpha) checks(context, top);
  const paint = (canvas, x, y, width, height) => {
    // Large pixels are seen as such.
    context.imageSmoothingEnabled = view.scale * devicePixelRatio * width / canvas.width < 4;
    context.imageSmoothingQuality = 'high';
    context.drawImage(canvas, x, y, width, height);
  };
  if (panel.canvas !== undefined) return paint(panel.canvas, 0, 0, top.width, top.height);
  paint(picture, 0, 0, top.width, top.height);
  if (part?.layer === chosen()) paint(part.canvas, part.x, part.y, part.width, part.height);
}
function checks(context, { width, height }) {
  const side = 10 / view.scale;
  context.fillStyle = matchMedia('(prefers-color-scheme: dark)').matches ? '#2a2c31' : '#dcdcd8';
  const { x, y, width: across, height: down } = view.visible();
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  for (let row = Math.floor(y / side); row * side < y + down; ++row) {
    for (let column = Math.floor(x / side / 2) * 2 + (row & 1); column * side < x + across; column += 2) {
      context.fillRect(column * side, row * side, side, side);
    }
  }
  context.restore();
}

// The layer that is asked for: the slider's, or the first that has a pixel for each of the screen's.
function chosen() {
  if (!element('auto').checked) return Number(element('layer').value);
  const pixels = view.scale * devicePixelRatio;
  const found = shown.layers.findIndex((layer) => layer.width >= pixels * shown.top.width - 0.5 && layer.height >= pixels * shown.top.height - 0.5);
  return found < 0 ? shown.layers.length - 1 : found;
}

function seen() {
  if (shown === undefined) return;
  if (element('auto').checked) element('layer').value = chosen();
  tell();
  clearTimeout(timer);
  timer = setTimeout(fetchSeen, shown.pictures.length === 0 ? 0 : kCalm);
}

// Fetches and decodes what is to be seen and is not there: the layer, or of a large one the part in the window.
async function fetchSeen() {
  const file = shown;
  if (file === undefined || file.failed) return;
  const layer = chosen();
  try {
    file.begun = performance.now();
    if (isWhole(file.layers[layer])) {
      await file.loader.want(layer);
    } else {
      const below = file.layers.findLastIndex(isWhole);
      if (below >= 0) await file.loader.want(below);
      await fetchPart(file, layer);
    }
    if (file === shown && file.loader.damage) note(`Damaged: ${file.loader.damage}`);
  } catch (error) {
    if (file === shown) fail(file, error);
  }
  if (file === shown) tell();
}

async function fetchPart(file, layer) {
  const { width, height } = file.layers[layer];
  const across = width / file.top.width, down = height / file.top.height;
  const { x, y, width: w, height: h } = view.visible();
  const region = { x: Math.floor(x * across), y: Math.floor(y * down) };
  region.width = Math.min(width - region.x, Math.ceil(w * across) + 1);
  region.height = Math.min(height - region.y, Math.ceil(h * down) + 1);
  if (region.width < 1 || region.height < 1 || !isWhole(region) || file.busy) return;
  const key = JSON.stringify([layer, region]);
  if (file.part?.key === key) return;
  file.busy = true;
  try {
    const picture = await file.loader.region({ layer, region });
    file.part = {
      key, layer, canvas: canvasOf(picture), x: picture.x / across, y: picture.y / down,
      width: picture.width / across, height: picture.height / down,
    };
    file.took = performance.now() - file.begun;
  } finally {
    file.busy = false;
  }
  if (file !== shown) return;
  view.redraw();
  seen();  // it may have moved meanwhile
}

function amount(bytes) {
  return bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

// What the panel says of what is seen.
function tell() {
  const { loader, layers, pictures, part } = shown;
  const wanted = chosen();
  const layer = part?.layer === wanted ? wanted : Math.min(wanted, pictures.length - 1);
  if (layer < 0) return;
  const { width, height, end, quality } = layers[layer];
  const size = layers.at(-1).end;
  const facts = [`<b>${width} × ${height}</b>${layer < wanted ? ' …' : ''}`, `<b>${amount(end)}</b> up to this layer`,
    `${(8 * end / (width * height)).toFixed(2)} bits a pixel`, `quality ${quality}`, `${amount(loader.file.requested)} of ${amount(size)} fetched`];
  if (shown.took !== undefined) facts.push(`shown after ${shown.took < 1000 ? `${Math.round(shown.took)} ms` : `${(shown.took / 1000).toFixed(1)} s`}`);
  element('facts').innerHTML = facts.map((fact) => `<span>${fact}</span>`).join('');
  for (const [k, stop] of [...element('stops').children].entries()) stop.toggleAttribute('aria-current', k === wanted);
  // The file as a bar: what of it is here, and where layers end.
  const mark = (name, style) => {
    const made = document.createElement(name);
    made.style.cssText = style;
    return made;
  };
  const share = (bytes) => `${100 * bytes / size}%`;
  element('bar').replaceChildren(
    ...loader.file.pieces().map(({ offset, bytes }) => mark('i', `left: ${share(offset)}; width: ${share(bytes.length)}`)),
    ...layers.slice(0, -1).map((each) => mark('b', `left: ${share(each.end)}`)));
}

function note(text) {
  element('note').textContent = text;
  element('note').hidden = text === '';
}
// What is shown stays; a photo whose encoding was given up does not.
function stay() {
  if (shown !== undefined) return;
  preview = undefined;
  lay('empty');
}
function fail(file, error) {
  file.failed = file.pictures.length === 0;
  note(`${file.name}: ${error.message}`);
}

// What takes its time; empty: nothing does.
function working(text) {
  element('work').textContent = text;
  element('work').hidden = text === '';
}

// Has these of the page's parts be seen.
function lay(...parts) {
  for (const id of ['empty', 'view', 'zoom', 'panel']) element(id).hidden = !parts.includes(id);
}

// The file's name in a URL, as it is read; as it stands there if it is not of UTF-8.
function nameIn(url) {
  const name = url.split(/[?#]/)[0].split('/').at(-1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

let turn = 0;  // counts what was asked to be shown: what comes after something newer is dropped

// What is shown stays until there is something else to show. Returns whether the file is shown.
async function open(url, name, mine = ++turn) {
  note('');
  panel.clear();
  element('save').hidden = true;
  element('empty').hidden = true;
  const file = { name, url, pictures: [], begun: performance.now() };
  file.loader = new PictureLoader(url, () => pool, (picture) => {
    file.pictures[picture.layer] = canvasOf(picture);
    file.took = performance.now() - file.begun;
    if (file !== shown) return;
    view.redraw();
    tell();
  });
  try {
    const info = await file.loader.open();
    Object.assign(file, { layers: info.layers, top: info.layers.at(-1), alpha: info.alpha });
    if (mine !== turn) {
      file.loader.close();
      return false;
    }
  } catch (error) {
    if (mine !== turn) return false;
    stay();
    fail(file, error);
    return false;
  }
  shown?.loader.close();
  if (shown !== undefined) URL.revokeObjectURL(shown.url);  // of a file on this machine; of others it does nothing
  shown = file;
  preview = undefined;
  panel.clear();  // again: the file before may have been compared meanwhile
  document.title = `${name} – Compass viewer`;
  element('name').textContent = name;
  lay('view', 'zoom', 'panel');
  element('layer').max = file.layers.length - 1;
  element('layer').disabled = file.layers.length === 1;
  const few = file.layers.length <= 6;
  element('stops').replaceChildren(...file.layers.map(({ width, height }, k) => {
    const stop = document.createElement('span');
    stop.textContent = few || k === 0 || k === file.layers.length - 1 ? `${width}×${height}` : '';
    return stop;
  }));
  view.show(file.top);
  return true;
}

// Compares the file that is open with the photo that it was made of, or that is taken to be that.
async function compareWith(photo) {
  const file = shown;
  const last = file.layers.length - 1;
  if (file.alpha || !isWhole(file.top)) return;
  working('Comparing …');
  await file.loader.want(last);
  const canvas = file.pictures[last];
  if (file !== shown || canvas === undefined) return;
  const { width, height } = file.top;
  await panel.compare(photo, canvas.getContext('2d').getImageData(0, 0, width, height), file.top.end);
}
// Shows the photo while a file is made of it, and then that. Returns whether that is shown.
async function makeOf(photo, name, mine) {
  working(`Encoding ${photo.width} × ${photo.height} …`);
  shown?.loader.close();
  shown = undefined;
  preview = canvasOf(photo);
  lay('view', 'zoom');
  view.show(photo);
  let bytes;
  try {
    bytes = await encodePhoto(photo, model, { effort: photo.width * photo.height > kQuick ? 0 : undefined });
  } finally {
    if (mine === turn) {
      preview = undefined;
      lay(bytes === undefined ? 'empty' : 'view');
    }
  }
  if (mine !== turn) return false;
  const url = URL.createObjectURL(new Blob([bytes], { type: 'image/x-compass' }));
  const made = `${name.replace(/\.[^.]*$/, '')}.cmps`;
  if (!await open(url, made, mine)) return false;
  shown.made = true;
  Object.assign(element('save'), { href: url, download: made, hidden: false });
  return true;
}

const isPhoto = async (file) => {
  const bytes = new Uint8Array(await file.slice(0, kSignature.length).arrayBuffer());
  return file.type.startsWith('image/') && !kSignature.every((byte, i) => bytes[i] === byte);
};
async function openFile(file) {
  if (file === undefined) return;
  const mine = ++turn;
  try {
    const photographed = await isPhoto(file);
    if (mine !== turn) return;
    if (!photographed) {
      await open(URL.createObjectURL(file), file.name, mine);
      return;
    }
    note('');
    const photo = await pixelsOf(file);
    if (mine !== turn) return;
    if (photo.width * photo.height > kMostPixels) {
      throw new Error(`${photo.width} × ${photo.height} pixels are more than are encoded here: use compass encode`);
    }
    const isOriginal = shown?.top !== undefined && !shown.made && photo.width === shown.top.width && photo.height === shown.top.height;
    if (isOriginal || await makeOf(photo, file.name, mine)) await compareWith(photo);
  } catch (error) {
    if (mine !== turn) return;
    stay();
    note(`${file.name}: ${error.message}`);
  } finally {
    if (mine === turn) working('');
  }
}
for (const id of ['open', 'open-again']) element(id).onclick = () => element('file').click();
element('file').onchange = ({ target }) => {
  openFile(target.files[0]);
  target.value = '';  // so that the same file can be chosen again
};
element('layer').oninput = () => {
  element('auto').checked = false;
  panel.reset();
  view.redraw();
  seen();
};
element('auto').onchange = () => {
  view.redraw();
  seen();
};
element('in').onclick = () => view.zoom(1.5);
element('out').onclick = () => view.zoom(1 / 1.5);
element('fit').onclick = () => view.fit();

let inside = 0;  // of how many elements the dragged file is over
const dragged = (change) => (event) => {
  event.preventDefault();
  inside = change === 0 ? 0 : inside + change;
  element('drop').hidden = inside === 0;
  if (event.type === 'drop') openFile(event.dataTransfer.files[0]);
};
addEventListener('dragenter', dragged(1));
addEventListener('dragleave', dragged(-1));
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', dragged(0));

const source = query.get('src');
if (source !== null) {
  const url = new URL(source, document.baseURI).href;
  open(url, nameIn(url));
}
