// What TypeScript takes from runtime.mjs.
export declare const hubEnvironment: Readonly<Record<string, string>>;
export declare const hubNodeFlags: readonly string[];
export declare const nodeFlags: readonly string[];
