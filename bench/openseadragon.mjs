// A large picture in OpenSeadragon before `compass serve`: how long what is seen takes, and each tile.
//
//   node bench/openseadragon.mjs FILE.cmps
//
// In a window of 1440x900: the whole picture, each step of zooming to its own pixels, four pans there by a window's width, all again.
// COMPASS_COMMAND is the command; OpenSeadragon is found as the tests find it.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Chromium, findChromium } from '../tests/web/chromium.mjs';
import { pageFor, serveWithPage } from '../tests/web/openseadragon.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'compass-tiles-'));
const name = path.basename(process.argv[2]);
copyFileSync(process.argv[2], path.join(folder, name));
const server = await serveWithPage(process.env.COMPASS_COMMAND ?? 'compass', folder);
const browser = new Chromium(findChromium());
const page = await browser.newPage({ width: 1440, height: 900 });
const tell = (what, { tiles, milliseconds }) => console.log(`${what.padEnd(28)} ${String(tiles).padStart(3)} tiles ${(milliseconds / 1000).toFixed(2).padStart(6)} s`);
try {
  await page.open(pageFor(server.url, name));
  tell('opened', await page.evaluate('settled(() => {})'));
  for (let part = 4; part >= 1; part /= 2) {
    tell(`a pixel for ${part} each way`, await page.evaluate(`settled(() => viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(${1 / part})))`));
  }
  for (let step = 1; step <= 4; ++step) {
    tell(`a window's width further`, await page.evaluate(`settled(() => viewer.viewport.panBy(viewer.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(${step % 2 ? 1440 : -2880}, ${step > 2 ? 900 : 0}))))`));
  }
  const times = await page.evaluate(`performance.getEntriesByType('resource').filter(({ name }) => name.includes('/iiif/') && !name.endsWith('info.json')).map(({ duration, transferSize }) => [duration, transferSize])`);
  const sorted = times.map(([duration]) => duration).sort((a, b) => a - b);
  const at = (share) => (sorted[Math.floor(share * (sorted.length - 1))] / 1000).toFixed(2);
  console.log(`${times.length} tiles: half within ${at(0.5)} s of being asked for, nine of ten within ${at(0.9)} s, all within ${at(1)} s; ` +
    `${(times.reduce((sum, [, size]) => sum + size, 0) / times.length / 1000).toFixed(0)} kB each`);
  console.log(`problems: ${JSON.stringify([...await page.evaluate('problems'), ...page.log])}`);
} finally {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
}
