// QuickJS as WebAssembly: compiled once per process, a fresh instance with memory of its own for every script.

import { readFile } from "node:fs/promises";
import { newQuickJSWASMModule, newVariant, type QuickJSWASMModule, RELEASE_SYNC } from "quickjs-emscripten";

// What of it is used here: the language's own library leaves it to browsers.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** Nothing of one script is left when its engine is dropped: not even a fault in QuickJS reaches the next. */
export type ScriptEngine = {
  readonly quickJs: QuickJSWASMModule;
  /** Bytes that its memory has grown to. */
  memoryBytes(): number;
};

const PAGES_PER_MB = 16;
// The size QuickJS is built to start with.
const INITIAL_PAGES = 16 * PAGES_PER_MB;
// QuickJS refuses at 64 MB (see run-script.ts); this is the wall behind it, with room for what is copied in and out.
const MAX_PAGES = 96 * PAGES_PER_MB;

/** Resolves to what makes engines, 3 ms each. Rejects when the file of QuickJS is not there. */
export async function loadScriptEngine(): Promise<() => Promise<ScriptEngine>> {
  const file = new URL(import.meta.resolve("@jitl/quickjs-wasmfile-release-sync/wasm"));
  const wasmModule = await WebAssembly.compile(await readFile(file));
  return async () => {
    const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES });
    const quickJs = await newQuickJSWASMModule(newVariant(RELEASE_SYNC, { wasmModule, wasmMemory }));
    return { quickJs, memoryBytes: () => wasmMemory.buffer.byteLength };
  };
}
