import { stripTypes } from '../util/strip-types.js';

/** Makes JavaScript of a published file. Node.js leaves spaces where types were; a person is to read what is written. */
export function toJavaScript(code: string): string {
  return stripTypes(code)
    .replace(/(?<=\S) {2,}(?=[(),;])/g, '') // where a type was
    .replace(/(?<=\S) {2,}/g, ' ')
    .replace(/[ \t]+$/gm, '')
    .replace(/(?<=^import .*\n)\n(?=import )/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/\n\/\*\*(?:(?!\*\/)[^])*\*\/\s*$/, '') // of a type at the end
    .replace(/\s*$/, '\n');
}
