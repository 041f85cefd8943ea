// OpenSeadragon shows a large picture that `compass serve` gives it in tiles.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Chromium, findChromium } from './chromium.mjs';
import { command, directory, encode, tinyModel } from './native.mjs';
import { findOpenSeadragon, pageFor, serveWithPage } from './openseadragon.mjs';

const program = findChromium();
const skip = program === undefined ? 'there is no Chromium' : findOpenSeadragon() === undefined ? 'there is no OpenSeadragon' : false;
const kSize = { width: 2900, height: 2100 };

test('OpenSeadragon opens, zooms and pans', { skip }, async () => {
  const folder = path.join(directory, 'pictures');
  mkdirSync(folder);
  const bytes = encode(kSize.width, kSize.height);
  writeFileSync(path.join(folder, 'a b.cmps'), bytes);
  const server = await serveWithPage(command, folder, ['--model', tinyModel]);
  const browser = new Chromium(program);
  try {
    const page = await browser.newPage({ width: 600, height: 400 });
    await page.open(pageFor(server.url, 'a b.cmps'));
    assert.ok((await page.evaluate('settled(() => {})')).tiles >= 1);
    assert.deepEqual(await page.evaluate(`(({ x, y }) => [x, y])(viewer.world.getItemAt(0).getContentSize())`), [kSize.width, kSize.height]);
    const zoomed = await page.evaluate('settled(() => viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(1), null, true))');
    assert.ok(zoomed.tiles >= 2);
    const panned = await page.evaluate(`settled(() => viewer.viewport.panTo(viewer.viewport.imageToViewportCoordinates(new OpenSeadragon.Point(700, 500)), true))`);
    assert.ok(panned.tiles >= 2);
    // What is seen, from 400,300 on, is the picture. OpenSeadragon lays tiles at fractions of a pixel, and this picture is noise: the
    // means of 20x10 pixels are compared.
    const error = await page.evaluate(`(async () => {
      const tile = await createImageBitmap(await (await fetch('/iiif/3/a%20b.cmps/512,0,512,512/512,512/0/default.webp')).blob());
      const context = new OffscreenCanvas(512, 512).getContext('2d');
      context.drawImage(tile, 0, 0);
      const means = (context, x, y) => Array.from({ length: 100 }, (_, i) => {
        const { data } = context.getImageData(x + i % 10 * 20, y + Math.floor(i / 10) * 10, 20, 10);
        return [0, 1, 2].map((c) => data.reduce((sum, value, k) => sum + (k % 4 === c ? value : 0), 0) / 200);
      }).flat();
      const wanted = means(context, 88, 350), got = means(viewer.drawer.canvas.getContext('2d'), 200, 50);
      return Math.sqrt(wanted.reduce((sum, value, i) => sum + (value - got[i]) ** 2, 0) / wanted.length);
    })()`);
    assert.ok(error < 8, `root of the mean squared error ${error}`);
    await page.evaluate('settled(() => viewer.viewport.goHome(true))');
    assert.deepEqual(await page.evaluate('problems'), []);
    assert.deepEqual(page.log, []);
  } finally {
    await browser.close();
    await server.close();
  }
});
