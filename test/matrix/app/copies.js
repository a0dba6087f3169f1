// Which files @mikro-orm/core is, for the app and for each package that depends on it: there must be one.
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';

const file = '@mikro-orm/core/package.json';
const app = createRequire(import.meta.url);
const packages = ['mikro-orm-web', '@mikro-orm/cli', '@mikro-orm/migrations', '@mikro-orm/sqlite'];
const found = [app, ...packages.map(name => createRequire(app.resolve(`${name}/package.json`)))];
const copies = new Set(found.map(require => realpathSync(require.resolve(file))));
if (copies.size !== 1) {
  throw new Error(`@mikro-orm/core is there ${copies.size} times: ${[...copies].join(', ')}`);
}
console.log(app(file).version);
