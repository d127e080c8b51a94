// What Electron runs when it is started as `electron [-r module] [--switches] FOLDER`: loads the app in FOLDER.
// The stand-in runtime comes without Electron's own default app, so it gets this one.
const { app } = require('electron');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');

const preloads = [];
let folder = null;
const words = process.argv.slice(1);
for (let index = 0; index < words.length && folder === null; index += 1) {
  const word = words[index];
  if (word === '-r' || word === '--require') preloads.push(words[(index += 1)]);
  else if (word.startsWith('--require=')) preloads.push(word.slice('--require='.length));
  else if (!word.startsWith('-')) folder = path.resolve(word);
}
if (folder === null) {
  console.error('usage: electron [-r MODULE] [--switches] FOLDER');
  process.exit(2);
}

Object.defineProperty(process, 'defaultApp', { configurable: false, enumerable: true, value: true });
if (preloads.length > 0) Module._preloadModules(preloads);

const description = path.join(folder, 'package.json');
if (fs.existsSync(description)) {
  const { version, productName, name } = JSON.parse(fs.readFileSync(description, 'utf8'));
  if (version) app.setVersion(version);
  app.name = productName ?? name;
  app.setAppPath(folder);
} else {
  app.setAppPath(path.dirname(folder));
}
Module._load(Module._resolveFilename(folder, null, true), Module, true);
