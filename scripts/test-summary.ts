// A vitest reporter: after the run, each skipped test with its reason, and one closing line of counts.
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node';

/** Vitest waits without end for the pipes of a process that a test left running; ending its workers takes it 10 s. */
const patienceSeconds = 30;

export default class TestSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') counts.passed += 1;
        else if (result.state === 'failed') counts.failed += 1;
        else {
          counts.skipped += 1;
          const note = result.state === 'skipped' ? result.note : undefined;
          skipped.push(`  ${test.fullName}: ${note ?? 'no reason given'}`);
        }
      }
      if (module.errors().length > 0 && module.state() === 'failed') counts.failed += 1;
    }
    if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.join('\n')}`);
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    const status = reason === 'passed' && errors.length === 0 ? 0 : 1;
    // It does not keep alive what ends by itself. Who ran us ends what is left (left-running.ts).
    setTimeout(() => process.exit(status), patienceSeconds * 1000).unref();
  }
}
