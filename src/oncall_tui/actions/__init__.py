"""plan -> confirm -> re-check -> intent journalled -> send -> verify -> outcome journalled."""
