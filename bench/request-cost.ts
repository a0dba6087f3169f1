// What a request pays for its EntityManager: this library beside what one writes by hand.
import { RequestContext } from '@mikro-orm/core';
import { createOrmSingleton, forkPerRequest, withRequestContext } from '../dist/index.js';
import { alternate, rounded, type Measured, type Variants } from './support/measure.ts';
import { guidePattern, notes } from './support/notes.ts';
import { isWanted, report } from './support/report.ts';

const ours = notes(':memory:');
const byHand = notes(':memory:');
const orm = createOrmSingleton(ours.ours, { migrate: true, name: 'ours' });
const ready = await orm();
const guide = guidePattern(byHand.guide);
const { orm: guideOrm } = await guide.initORM();
const emOf = forkPerRequest(orm);
const emOfReady = forkPerRequest(ready);
const nothing = async (): Promise<void> => undefined;

/** The body of the middleware of @mikro-orm/nestjs 7.1.0, which itself cannot be imported without NestJS. */
const nest = {
  use(_request: object, _response: object, next: () => void): void {
    RequestContext.create(guideOrm.em, next);
  },
};

const CONTEXT = {
  ours: 'withRequestContext(singleton, …)',
  ready: 'withRequestContext(ready ORM, …)',
  guide: "the guide's withRequestContext, by hand",
  bare: 'RequestContext.create(orm.em, …) alone',
  nest: "the body of NestJS's middleware",
};
const FORK = {
  ours: 'await emOf(request), of forkPerRequest(singleton)',
  ready: 'await emOf(request), of forkPerRequest(ready ORM)',
  guide: '(await getORM()).em.fork(), by hand',
};

await compare('context', 'a request context around a handler that does nothing', CONTEXT, {
  ours: () => withRequestContext(orm, nothing),
  ready: () => withRequestContext(ready, nothing),
  guide: () => guide.withRequestContext(nothing),
  bare: () => RequestContext.create(guideOrm.em, nothing),
  nest: () => new Promise((done, fail) => nest.use({}, {}, () => nothing().then(done, fail))),
});

await compare('fork', 'a fork for a request that does nothing', FORK, {
  ours: () => emOf({}),
  ready: () => emOfReady({}),
  guide: async () => (await guide.initORM()).em.fork(),
});

await compare('context-query', 'the same as context, with one SQLite findOne by primary key', CONTEXT, {
  ours: () => withRequestContext(orm, em => em.findOne(ours.Note, 1)),
  ready: () => withRequestContext(ready, em => em.findOne(ours.Note, 1)),
  guide: () =>
    guide.withRequestContext(async () => {
      const { em } = await guide.initORM();
      return em.findOne(byHand.Note, 1);
    }),
  bare: () => RequestContext.create(guideOrm.em, () => guideOrm.em.findOne(byHand.Note, 1)),
  nest: () => new Promise((done, fail) => nest.use({}, {}, () => guideOrm.em.findOne(byHand.Note, 1).then(done, fail))),
});

await compare('fork-query', 'the same as fork, with one SQLite findOne by primary key', FORK, {
  ours: async () => (await emOf({})).findOne(ours.Note, 1),
  ready: async () => (await emOfReady({})).findOne(ours.Note, 1),
  guide: async () => (await guide.initORM()).em.fork().findOne(byHand.Note, 1),
});

await orm.close();
await guideOrm.close();

async function compare<Name extends string>(
  id: string,
  title: string,
  meanings: Record<Name, string>,
  variants: Variants<NoInfer<Name>>,
): Promise<void> {
  if (!isWanted(id)) {
    return;
  }
  const results = (await alternate(variants)) as Record<Name | 'ours' | 'ready' | 'guide', Measured>;
  const names = Object.keys(meanings) as Name[];
  await report({
    id,
    title,
    lines: names.map(name => [meanings[name], figure(results[name], results.guide)]),
    ratio: rounded(results.ours.ratio(results.guide)),
    ours: { microseconds: rounded(results.ours.microseconds), readyMicroseconds: rounded(results.ready.microseconds) },
    guide: { microseconds: rounded(results.guide.microseconds) },
  });
}

function figure(result: Measured, to: Measured): string {
  const ratio = result === to ? '' : `, ${result.ratio(to).toFixed(2)} of what is written by hand`;
  return `${result.microseconds.toFixed(2)} µs a request${ratio}`;
}
