// electron-builder's hook: refuses a runtime that is not the pinned one, and removes what only development needs.
const fs = require('node:fs');
const path = require('node:path');
const { devDependencies } = require('../../package.json');

exports.default = async function afterPack({ appOutDir, packager }) {
  const versionFile = path.join(appOutDir, 'version');
  const used = fs.existsSync(versionFile)
    ? fs.readFileSync(versionFile, 'utf8').trim().replace(/^v/, '')
    : packager.config.electronVersion;
  if (used !== devDependencies.electron) {
    throw new Error(`A release needs Electron ${devDependencies.electron}, and this is ${used}. Nothing was packaged.`);
  }
  for (const leftover of ['resources/default_app.asar', 'complete']) {
    fs.rmSync(path.join(appOutDir, leftover), { force: true });
  }
};
