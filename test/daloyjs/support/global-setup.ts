import { findDaloy } from './daloy.ts';

export default function setup(): void {
  const { real, from } = findDaloy();
  if (real) {
    console.log(`DaloyJS: ${from}`);
  } else {
    console.warn(
      'DaloyJS: NOT THE REAL PACKAGE, BUT A DOUBLE OF IT in test/daloyjs/double: @daloyjs/core is not installed',
    );
    console.warn(
      'DaloyJS: for the real one, run npm install in examples/daloyjs, or set MIKRO_ORM_WEB_DALOY to its folder',
    );
  }
}
