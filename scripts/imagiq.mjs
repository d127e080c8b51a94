#!/usr/bin/env node
console.log("own bin ok", process.version, process.argv.slice(2))
