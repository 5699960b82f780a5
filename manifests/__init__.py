"""What is stored: table schemas, ids, keys, error words and the corpus that holds them."""
