// OpenSeadragon, which shows pictures of IIIF servers, before `compass serve`: for a test and a measurement.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(path.dirname(new URL(import.meta.url).pathname), '../..');

// Its script: where COMPASS_OPENSEADRAGON says, or where scripts/test.sh puts it; undefined if it is not there.
export function findOpenSeadragon() {
  const script = process.env.COMPASS_OPENSEADRAGON ??
    path.join(root, 'build/node_modules/openseadragon/build/openseadragon/openseadragon.min.js');
  return existsSync(script) ? script : undefined;
}

const html = `<!doctype html><meta charset="utf-8"><style>body { margin: 0 } #view { width: 100vw; height: 100vh }</style>
<div id="view"></div><script src="openseadragon.min.js"></script><script>
window.problems = [];
window.tiles = 0;
const viewer = OpenSeadragon({
  id: 'view', tileSources: new URLSearchParams(location.search).get('tiles'), showNavigationControl: false, animationTime: 0.2,
  crossOriginPolicy: 'Anonymous', maxZoomPixelRatio: 4, drawer: 'canvas',
});
for (const event of ['open-failed', 'tile-load-failed', 'add-item-failed']) viewer.addHandler(event, ({ message }) => problems.push(event + ' ' + message));
viewer.addHandler('tile-loaded', () => { tiles += 1; });
// When all that is seen is there, and nothing moves: {tiles, milliseconds} since it was asked for.
window.settled = async (action) => {
  const [began, before] = [performance.now(), tiles];
  action();
  for (let calm = 0; calm < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const item = viewer.world.getItemAt(0);
    calm = item?.getFullyLoaded() && !viewer.isAnimating?.() ? calm + 1 : 0;
    if (performance.now() - began > 120_000 || problems.length > 0) throw new Error('it did not settle: ' + problems);
  }
  return { tiles: tiles - before, milliseconds: performance.now() - began - 100 };
};
</script>`;

// `compass serve` of a folder of .cmps files, to which the page is added: {url, close}.
export async function serveWithPage(command, folder, options = []) {
  copyFileSync(findOpenSeadragon(), path.join(folder, 'openseadragon.min.js'));
  writeFileSync(path.join(folder, 'page.html'), html);
  const server = spawn(command, ['serve', folder, '--port', '0', '--json', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const piece of server.stdout) {
    text += piece;
    if (text.includes('}')) break;
  }
  return {
    url: `http://127.0.0.1:${JSON.parse(text).port}`,
    close: () => new Promise((resolve) => {
      server.once('exit', resolve);
      server.kill('SIGTERM');
    }),
  };
}
export const pageFor = (url, name) => `${url}/page.html?tiles=${encodeURIComponent(`${url}/iiif/3/${encodeURIComponent(name)}/info.json`)}`;
