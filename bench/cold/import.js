// How long the package itself takes to load, once MikroORM is there.
import '@mikro-orm/core';
import '@mikro-orm/migrations';

const start = performance.now();
await import('../../dist/index.js');
process.stdout.write(String(performance.now() - start));
