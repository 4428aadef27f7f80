import '../theme.css';
import { start } from '../visit/start';
import App from './App.svelte';

void start(App);
