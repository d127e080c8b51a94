// `imagiq`: the contract without the window. What Ctrl+C does stands here, before the commands are loaded, which takes a moment.

// What commands write may be about patients: for this user only.
process.umask(0o077);

const signals = { SIGINT: 130, SIGTERM: 143 } as const;
for (const [signal, code] of Object.entries(signals))
  process.on(signal, () => {
    // A command at work ends itself, in order; a second signal, when it has begun to, ends it at once.
    if (process.listenerCount(signal) > 1) return;
    const fault = { code: 822, message: 'It was interrupted before there was a result.', retry: 'now' };
    if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ fault })}\n`);
    process.exit(code);
  });

const { runProgram } = await import('./program.ts');
await runProgram();
