import { mount } from 'svelte';
import App from './App.svelte';
import { session } from './lib/session.svelte';
import { theme } from './lib/theme.svelte';
import './styles/tokens.css';
import './styles/base.css';

theme.read();
session.start();
mount(App, { target: document.getElementById('app') as HTMLElement });
