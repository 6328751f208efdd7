// RE2 in the shape that JSONata drives: linear time for any pattern, so no regular expression can hang a process.

import { type Matcher, RE2JS } from "re2js";

/** Throws re2js's syntax error for what RE2 cannot do in linear time: back references and look-around. */
export function compileRegex(pattern: RegExp): RE2JS {
  const flags = (pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (pattern.multiline ? RE2JS.MULTILINE : 0);
  return RE2JS.compile(RE2JS.translateRegExp(pattern.source), flags);
}

/** What JSONata uses of a global RegExp: `exec` from `lastIndex`, which is moved behind the match. */
export class LinearRegex {
  lastIndex = 0;
  private readonly compiled: RE2JS;
  private matcher: Matcher | undefined;
  private text: string | undefined;

  constructor(pattern: RegExp) {
    this.compiled = compileRegex(pattern);
  }

  exec(text: string): (Array<string | undefined> & { index: number }) | null {
    const matcher =
      this.matcher === undefined || this.text !== text ? this.compiled.matcher(text) : this.matcher;
    this.matcher = matcher;
    this.text = text;
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    const groups: Array<string | undefined> = [];
    for (let group = 0; group <= matcher.groupCount(); group++)
      groups.push(matcher.group(group) ?? undefined);
    this.lastIndex = matcher.end();
    return Object.assign(groups, { index: matcher.start() });
  }
}
