// What TypeScript takes from runtime.mjs.
export declare const hubNodeFlags: readonly string[];
export declare const nodeFlags: readonly string[];
