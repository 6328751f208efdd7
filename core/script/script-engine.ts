// QuickJS as WebAssembly: compiled once per process, in as many instances with memory of their own as are asked for.

import { readFile } from "node:fs/promises";
import { newQuickJSWASMModule, newVariant, type QuickJSWASMModule, RELEASE_SYNC } from "quickjs-emscripten";

// What of it is used here: the language's own library leaves it to browsers.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** Nothing is left of what ran in an engine when it is dropped: not even a fault in QuickJS reaches another one. */
export type ScriptEngine = {
  readonly quickJs: QuickJSWASMModule;
  /** Bytes that its memory has grown to. */
  memoryBytes(): number;
  /** Whether that is more than it began with. */
  hasGrown(): boolean;
  /** Whether it can grow no more: something was refused memory, whether or not the script heard of it. */
  isFull(): boolean;
};

const PAGES_PER_MB = 16;
const PAGE_BYTES = 65_536;
// The size QuickJS is built to start with.
const INITIAL_PAGES = 16 * PAGES_PER_MB;
// QuickJS refuses at 64 MB (see run-script.ts); this is the wall behind it, with room for what is copied in and out.
const MAX_PAGES = 96 * PAGES_PER_MB;

/** Resolves to what makes engines, some 3 ms each. Rejects when the file of QuickJS is not there. */
export async function loadScriptEngine(): Promise<() => Promise<ScriptEngine>> {
  const file = new URL(import.meta.resolve("@jitl/quickjs-wasmfile-release-sync/wasm"));
  const wasmModule = await WebAssembly.compile(await readFile(file));
  return async () => {
    const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES });
    const quickJs = await newQuickJSWASMModule(newVariant(RELEASE_SYNC, { wasmModule, wasmMemory }));
    const initial = wasmMemory.buffer.byteLength;
    const memoryBytes = () => wasmMemory.buffer.byteLength;
    return {
      quickJs,
      memoryBytes,
      hasGrown: () => memoryBytes() > initial,
      isFull: () => memoryBytes() >= MAX_PAGES * PAGE_BYTES,
    };
  };
}
