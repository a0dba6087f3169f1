import { createRouter } from '@tanstack/react-router';
import { routeTree } from './routeTree.gen';

export const getRouter = () =>
  createRouter({
    routeTree,
    defaultErrorComponent: ({ error }) => <p>{`That did not work: ${error instanceof Error ? error.message : ''}`}</p>,
  });
