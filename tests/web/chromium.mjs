// A headless Chromium, driven over its DevTools pipe: https://chromedevtools.github.io/devtools-protocol
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Its path; undefined if there is none.
export function findChromium() {
  for (const name of [process.env.COMPASS_CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']) {
    if (!name) continue;
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // another name
    }
  }
  return undefined;
}

export class Chromium {
  #process;
  #profile = mkdtempSync(path.join(tmpdir(), 'compass-chromium-'));
  #lastId = 0;
  #waiting = new Map();
  #listeners = [];

  constructor(program) {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
      '--force-color-profile=srgb', '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`];
    this.#process = spawn(program, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    let rest = Buffer.alloc(0);
    this.#process.stdio[4].on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.#take(JSON.parse(rest.toString('utf8', 0, end)));
        rest = rest.subarray(end + 1);
      }
    });
  }

  #take(message) {
    const asked = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (asked === undefined) this.#listeners.forEach((listener) => listener(message));
    else if (message.error) asked.reject(new Error(`${asked.method}: ${message.error.message}`));
    else asked.resolve(message.result);
  }
  onEvent(listener) {
    this.#listeners.push(listener);
  }
  send(method, params = {}, sessionId = undefined) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { method, resolve, reject });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  // A page of its own, nothing cached; its console and uncaught errors are in `log`.
  async newPage({ width = 800, height = 600, density = 1, dark = false } = {}) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    await page.send('Runtime.enable');
    await page.send('Page.enable');
    await page.resize(width, height, density);
    if (dark) await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.send('Browser.close').catch(() => {});
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  #browser;
  #session;
  #target;
  log = [];

  constructor(browser, session, target) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
    browser.onEvent(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === 'Runtime.consoleAPICalled') this.log.push(params.args.map((arg) => arg.value ?? arg.description).join(' '));
      if (method === 'Runtime.exceptionThrown') this.log.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    });
  }
  send(method, params) {
    return this.#browser.send(method, params, this.#session);
  }
  async open(url) {
    const loaded = new Promise((resolve) => this.#browser.onEvent(({ method, sessionId }) => {
      if (sessionId === this.#session && method === 'Page.domContentEventFired') resolve();
    }));
    await this.send('Page.navigate', { url });
    await loaded;
  }
  resize(width, height, density = 1) {
    return this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: density, mobile: false });
  }
  // The value of an expression, or of the promise that it is.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.exception?.description ?? exceptionDetails.text}\n${this.log.join('\n')}`);
    return result.value;
  }
  async screenshot() {
    return Buffer.from((await this.send('Page.captureScreenshot', { format: 'png' })).data, 'base64');
  }
  close() {
    return this.#browser.send('Target.closeTarget', { targetId: this.#target });
  }
}
